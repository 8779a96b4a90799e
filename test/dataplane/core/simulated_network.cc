#include "simulated_network.h"

#include <algorithm>
#include <utility>

namespace longhaul::test {
namespace {

class WatchedBuffer final : public Buffer {
 public:
  WatchedBuffer(Bytes bytes, const std::function<void(size_t)>& on_read)
      : bytes_(std::move(bytes)), on_read_(on_read) {}
  uint8_t* data() override {
    on_read_(bytes_.size());
    return bytes_.data();
  }
  size_t size() const override { return bytes_.size(); }

 private:
  Bytes bytes_;
  std::function<void(size_t)> on_read_;
};

}  // namespace

BrokerState SimulatedNetwork::broker_state(Side side, int32_t node) {
  if (node < 0 || node >= cluster(side).broker_count()) return BrokerState::kUnknown;
  return cluster(side).broker(node).up ? BrokerState::kUp : BrokerState::kDown;
}

int16_t SimulatedNetwork::api_version(Side side, int32_t node, int16_t api_key, int16_t min,
                                      int16_t max) {
  const SimulatedBroker& broker = cluster(side).broker(node);
  if (api_key == kDescribeProducersApi.key)
    return broker.describes_producers ? kDescribeProducersApi.max : int16_t{-1};
  if (api_key == kListOffsetsApi.key)
    return broker.lists_offsets ? kListOffsetsApi.max : int16_t{-1};
  const int16_t theirs = api_key == kFetchApi.key ? broker.fetch_version : broker.produce_version;
  return theirs < min ? int16_t{-1} : std::min(theirs, max);
}

Bytes SimulatedNetwork::Assemble(const InFlight& request) {
  Bytes all;
  for (const Part& part : request.parts) {
    const uint8_t* data = part.reference != nullptr ? part.reference : part.copy.data();
    all.insert(all.end(), data, data + part.size);
  }
  return all;
}

// The memory that the wire or librdkafka's buffers keep after the forwarder has freed its own.
void SimulatedNetwork::Capture(InFlight* request) {
  Bytes all = Assemble(*request);
  const size_t size = all.size();
  request->parts.clear();
  request->parts.push_back({std::move(all), nullptr, size});
}

int32_t SimulatedNetwork::connection(Side side, int32_t node) {
  if (broker_state(side, node) != BrokerState::kUp) return -1;
  return connections_[{side, Channel{node}}].number;
}

Status SimulatedNetwork::Send(const Request& request) {
  if (broker_state(request.side, request.node) != BrokerState::kUp)
    return Status::Error(-195, "not connected");
  const Channel channel{request.node, request.channel};
  if (channel.number > 0 && !connections_[{request.side, channel}].is_open)
    return Status::Error(-195, "not open");
  auto sent = std::make_shared<InFlight>(InFlight{
      request.side, channel, request.api_key, request.api_version, request.tag, {}, {}});
  sent->sent_at = agenda_->now;
  for (const Piece& piece : request.pieces) {
    Part part{{}, piece.by_reference ? piece.data : nullptr, piece.size};
    if (!piece.by_reference) part.copy.assign(piece.data, piece.data + piece.size);
    sent->parts.push_back(std::move(part));
  }
  if (request.is_flexible) sent->parts.push_back({{0}, nullptr, 1});  // librdkafka's closing tags
  requests++;
  if (request.api_key == kProduceApi.key) {
    sent->keys = cluster(request.side).PartitionsOf(request.api_version, Assemble(*sent));
    for (const auto& key : sent->keys) {
      ++(*under_way_)[key].all;
      in_flight_max = std::max(in_flight_max, ++in_flight_[{request.node, key}]);
    }
  }
  Connection& connection = connections_[{request.side, channel}];
  if (request.connection != kAnyConnection && request.connection != connection.number) {
    sent->lost = true;
    Uncount(sent.get());
    Capture(sent.get());
    agenda_->At(agenda_->now, [this, sent, open = open_] {
      if (*open) Deliver(sent, -195, {});
    });
    return Status::Ok();
  }
  sent->connection = connection.number;
  connection.open.push_back(sent);
  Schedule(sent);
  agenda_->At(agenda_->now + request.timeout_ms, [this, sent, open = open_] {
    if (*open && !sent->replied) BreakChannel(sent->side, sent->channel, -185);
  });
  return Status::Ok();
}

// Arrivals on one connection keep their order.
void SimulatedNetwork::Schedule(const Ref& request) {
  Connection& connection = connections_[{request->side, request->channel}];
  connection.last_arrival =
      std::max(connection.last_arrival, agenda_->now + Latency(request->side));
  agenda_->At(connection.last_arrival, [this, request, open = open_] {
    // A request that outlives its sender has no network: see Close.
    if (*open) Arrive(request);
  });
}

void SimulatedNetwork::Uncount(InFlight* request) {
  if (!std::exchange(request->counted, false)) return;
  for (const auto& key : request->keys) {
    BatchesUnderWay& batches = (*under_way_)[key];
    --batches.all;
    if (request->is_late) --batches.late;
  }
}

void SimulatedNetwork::CountLate(InFlight* request) {
  if (!request->counted || std::exchange(request->is_late, true)) return;
  for (const auto& key : request->keys) ++(*under_way_)[key].late;
}

void SimulatedNetwork::NoteLate(UnderWay* under_way, const InFlight& request) {
  if (!request.is_late) return;
  for (const auto& key : request.keys) (*under_way)[key].late_arrived = true;
}

void SimulatedNetwork::Arrive(const Ref& request) {
  if (request->lost) return;
  if (connections_[{request->side, request->channel}].is_forgotten) return;
  SimulatedBroker& broker = cluster(request->side).broker(request->channel.node);
  if (broker.frozen_until > agenda_->now || !broker.up) {
    const int64_t later = std::max(broker.frozen_until, agenda_->now + 10);
    agenda_->At(later, [this, request, open = open_] {
      if (*open) Arrive(request);
    });
    return;
  }
  const Bytes body = Assemble(*request);
  if (request->api_key == kProduceApi.key) {
    Uncount(request.get());
    Bytes answer = cluster(request->side).Produce(request->channel.node, request->version, body);
    NoteLate(under_way_, *request);
    return Answer(request, std::move(answer));
  }
  if (request->api_key == kListOffsetsApi.key)
    return Answer(request, cluster(request->side).ListOffsets(request->channel.node, body));
  if (request->api_key == kDescribeProducersApi.key)
    return Answer(request, cluster(request->side).DescribeProducers(request->channel.node, body));
  if (!request->fetch) {
    request->fetch =
        cluster(request->side).OpenFetch(request->channel.node, request->version, body);
    request->held_until = agenda_->now + request->fetch->wait_ms;
  }
  const bool is_last = agenda_->now >= request->held_until;
  bool is_empty = false;
  Bytes answer = cluster(request->side).AnswerFetch(*request->fetch, is_last, &is_empty);
  if (!is_empty || is_last) return Answer(request, std::move(answer));
  agenda_->At(std::min(request->held_until, agenda_->now + 10), [this, request, open = open_] {
    if (*open) Arrive(request);
  });
}

void SimulatedNetwork::Damage(const InFlight& request, Bytes* body) {
  if (cut_one_in > 0 && random_->OneIn(static_cast<uint64_t>(cut_one_in)))
    body->resize(random_->Below(body->size()));
  const bool corrupts =
      corrupt_one_in > 0 && random_->OneIn(static_cast<uint64_t>(corrupt_one_in));
  const bool flips =
      flip_offset_one_in > 0 && random_->OneIn(static_cast<uint64_t>(flip_offset_one_in));
  // Only responses of the source: the bytes of the target are trusted.
  if (request.side != Side::kSource || request.api_key != kFetchApi.key) return;
  FetchResponse response;
  if (!ParseFetch(body->data(), body->size(), request.version, &response).ok()) return;
  if (corrupts) CorruptPayload(response);
  if (flips) FlipBaseOffset(response);
}

bool SimulatedNetwork::MayDamage(const FetchedPartition& fetched, const RecordBatchView& batch) {
  const SimulatedCluster::Key key{std::string(fetched.topic), fetched.partition};
  // Entries of magic 0 and 1 are re-encoded together: they count as one batch.
  return ++damages_[key][batch.is_legacy() ? -1 : batch.last_offset()] <= kDamagesMax;
}

// A high bit of the first base offset, as from faulty memory of a broker or a switch.
void SimulatedNetwork::FlipBaseOffset(const FetchResponse& response) {
  for (const FetchedPartition& fetched : response.partitions) {
    RecordBatchView batch;
    BatchWalker walker(fetched.records, fetched.records_size);
    if (walker.Next(&batch) != BatchWalker::Step::kBatch) continue;
    if (MayDamage(fetched, batch)) fetched.records[2] ^= 0x01;
    return;
  }
}

// The last byte of the last complete batch: one of a record.
void SimulatedNetwork::CorruptPayload(const FetchResponse& response) {
  const FetchedPartition* of = nullptr;
  RecordBatchView batch, last;
  for (const FetchedPartition& fetched : response.partitions) {
    BatchWalker walker(fetched.records, fetched.records_size);
    while (walker.Next(&batch) == BatchWalker::Step::kBatch) of = &fetched, last = batch;
  }
  if (of == nullptr || (!last.is_legacy() && last.record_count() == 0)) return;
  const size_t end = static_cast<size_t>(last.data() - of->records) + last.size();
  if (MayDamage(*of, last)) of->records[end - 1] ^= 0x10;
}

void SimulatedNetwork::Answer(const Ref& request, Bytes body) {
  request->processed = true;
  response_bytes_max = std::max(response_bytes_max, body.size());
  if (request->replied) return;  // processed, but the connection that would carry the answer ended
  Damage(*request, &body);
  Connection& connection = connections_[{request->side, request->channel}];
  // KIP-219: a broker of these versions answers first, and its client waits; an older one waits.
  const bool client_waits = request->api_key == kFetchApi.key     ? request->version >= 8
                            : request->api_key == kProduceApi.key ? request->version >= 6
                                                              : true;
  const int64_t wait =
      client_waits ? 0 : cluster(request->side).broker(request->channel.node).throttle_ms;
  const int64_t transfer =
      connection_rate == 0 ? 0 : static_cast<int64_t>(body.size()) / connection_rate;
  request->answer_bytes = static_cast<int64_t>(body.size());
  CountScan(*request, request->answer_bytes);
  if (line_rate > 0 && request->side == Side::kSource) {
    leaving_[request->channel].push_back({request, std::move(body), agenda_->now + wait});
    if (!std::exchange(is_serving_, true)) ServeLine();
    return;
  }
  request->answered_at = std::max(connection.last_reply,
                                  agenda_->now + wait + Latency(request->side));
  connection.last_reply = request->answered_at + transfer;
  agenda_->At(connection.last_reply, [this, request, body = std::move(body), open = open_] {
    if (*open) Arrived(request, body);
  });
}

void SimulatedNetwork::Arrived(const Ref& request, Bytes body) {
  const Connection& now = connections_[{request->side, request->channel}];
  const bool arrives = !now.is_forgotten && now.number == request->connection;
  if (arrives) Deliver(request, 0, std::move(body));
}

// Each ms the connections that have something to send divide what the line passes.
void SimulatedNetwork::ServeLine() {
  std::erase_if(leaving_, [](const auto& each) { return each.second.empty(); });
  is_serving_ = !leaving_.empty();
  if (!is_serving_) return;
  const int64_t share = line_rate / static_cast<int64_t>(leaving_.size());
  for (auto& [channel, answers] : leaving_) {
    for (int64_t left = share; left > 0 && !answers.empty();) {
      Leaving& first = answers.front();
      if (first.from > agenda_->now) break;
      const Ref request = first.request;
      const int64_t latency = Latency(Side::kSource);
      if (first.bytes == 0) request->answered_at = agenda_->now + latency;
      const int64_t sent = std::min(left, request->answer_bytes - first.bytes);
      first.bytes += sent;
      left -= std::max<int64_t>(sent, 1);
      agenda_->At(agenda_->now + latency, [request, sent] { request->arrived_bytes += sent; });
      if (first.bytes < request->answer_bytes) break;
      Connection& connection = connections_[{request->side, channel}];
      connection.last_reply = std::max(connection.last_reply, agenda_->now + latency);
      agenda_->At(connection.last_reply,
                  [this, request, body = std::move(first.body), open = open_] {
                    if (*open) Arrived(request, body);
                  });
      answers.pop_front();
    }
  }
  agenda_->At(agenda_->now + 1, [this, open = open_] {
    if (*open) ServeLine();
  });
}

BufferRef SimulatedNetwork::Received(Side side, Bytes body) const {
  if (side == Side::kTarget && on_target_read)
    return std::make_shared<WatchedBuffer>(std::move(body), on_target_read);
  return std::make_shared<OwnedBuffer>(std::move(body));
}

void SimulatedNetwork::CountScan(const InFlight& request, int64_t bytes) {
  if (request.side != Side::kTarget || request.api_key != kFetchApi.key) return;
  scan_bytes_ += bytes;
  scan_bytes_max = std::max(scan_bytes_max, scan_bytes_);
}

void SimulatedNetwork::Deliver(const Ref& request, int32_t error, Bytes body) {
  if (std::exchange(request->replied, true)) return;
  CountScan(*request, -request->answer_bytes);
  connections_[{request->side, request->channel}].bytes_moved +=
      1 + static_cast<int64_t>(body.size());
  std::erase(connections_[{request->side, request->channel}].open, request);
  for (const auto& key : request->keys) --in_flight_[{request->channel.node, key}];
  Reply reply;
  reply.side = request->side;
  reply.tag = request->tag;
  reply.error = error;
  reply.api_version = request->version;
  if (error == 0) reply.first_byte_ms = request->answered_at - request->sent_at;
  if (error == 0) reply.body = Received(request->side, std::move(body));
  on_reply_(reply);
}

void SimulatedNetwork::Break(Side side, int32_t node, int32_t error, bool broker_died) {
  connections_[{side, Channel{node}}];
  for (const auto& [where, connection] : connections_)
    if (where.first == side && where.second.node == node)
      BreakChannel(side, where.second, error, broker_died);
}

void SimulatedNetwork::BreakOne(Side side, int32_t node) {
  std::vector<Channel> channels;
  for (const auto& [where, connection] : connections_)
    if (where.first == side && where.second.node == node) channels.push_back(where.second);
  if (!channels.empty()) BreakChannel(side, channels[random_->Below(channels.size())]);
}

void SimulatedNetwork::BreakChannel(Side side, const Channel& channel, int32_t error,
                                    bool broker_died) {
  Connection& connection = connections_[{side, channel}];
  breaks++;
  connection.is_open = connection.is_opening = false;
  std::deque<Ref> open = std::exchange(connection.open, {});
  connection.last_arrival = connection.last_reply = agenda_->now + 50;
  connection.is_forgotten = false;
  connection.number++;
  const int64_t heard_at = agenda_->now + static_cast<int64_t>(random_->Below(kHeardMsMax));
  for (const uint64_t tag : std::exchange(connection.metadata, {})) {
    agenda_->At(agenda_->now, [this, side, tag, error, alive = open_] {
      if (*alive) on_reply_({side, tag, error, 0, nullptr, true, {}});
    });
  }
  const auto processed = static_cast<size_t>(
      std::count_if(open.begin(), open.end(), [](const Ref& r) { return r->processed; }));
  const size_t on_the_wire =
      broker_died ? processed : processed + random_->Below(open.size() - processed + 1);
  for (size_t i = 0; i < open.size(); ++i) {
    const Ref& request = open[i];
    if (i >= on_the_wire) {
      request->lost = true;
      Uncount(request.get());
    }
    CountLate(request.get());
    Capture(request.get());
    agenda_->At(heard_at, [this, request, error, alive = open_] {
      if (*alive) Deliver(request, error, {});
    });
  }
}

void SimulatedNetwork::Close() {
  if (!std::exchange(*open_, false)) return;
  for (auto& [where, connection] : connections_) {
    const size_t on_the_wire = random_->Below(connection.open.size() + 1);
    for (size_t i = 0; i < connection.open.size(); ++i) {
      const Ref& request = connection.open[i];
      if (request->lost) continue;
      if (i >= on_the_wire || request->api_key != kProduceApi.key) {
        Uncount(request.get());
        continue;
      }
      if (!request->counted) continue;  // processed already
      CountLate(request.get());
      Capture(request.get());
      SimulatedCluster* target = clusters_[1];
      UnderWay* under_way = under_way_;
      // In order, and perhaps much later: a request that arrives after its sender died.
      connection.last_arrival += Latency(where.first);
      agenda_->At(connection.last_arrival, [request, target, under_way] {
        for (const auto& key : request->keys) {
          --(*under_way)[key].all;
          --(*under_way)[key].late;
        }
        target->Produce(request->channel.node, request->version, Assemble(*request));
        NoteLate(under_way, *request);
      });
    }
  }
}

bool SimulatedNetwork::OpenChannel(Side side, const Channel& channel) {
  Connection& connection = connections_[{side, channel}];
  if (connection.is_open || connection.is_opening || CountFurther() >= further_max)
    return connection.is_open;
  connection.is_opening = true;
  agenda_->At(agenda_->now + 2 * Latency(side), [this, side, channel, open = open_] {
    Connection& now = connections_[{side, channel}];
    if (!*open || !now.is_opening || CountFurther() >= further_max) return;
    now.is_opening = false;
    if (broker_state(side, channel.node) != BrokerState::kUp) return;
    now.is_open = true;
    further_opened++;
  });
  return false;
}

void SimulatedNetwork::CloseChannel(Side side, const Channel& channel) {
  Connection& connection = connections_[{side, channel}];
  connection.is_open = connection.is_opening = false;
}

int64_t SimulatedNetwork::CountFurther() const {
  return std::count_if(connections_.begin(), connections_.end(),
                       [](const auto& each) { return each.second.is_open; });
}

int64_t SimulatedNetwork::bytes_moved(Side side, const Channel& channel) {
  Connection& connection = connections_[{side, channel}];
  if (channel.number > 0 && !connection.is_open) return -1;
  if (trickles) ++connection.bytes_moved;
  return BytesMoved(connection);
}

int64_t SimulatedNetwork::bytes_fetched_by_all() {
  int64_t bytes = 0;
  for (const auto& [key, connection] : connections_)
    if (key.first == Side::kSource) bytes += BytesMoved(connection);
  return bytes;
}

int64_t SimulatedNetwork::BytesMoved(const Connection& connection) const {
  int64_t arrived = 0;
  for (const Ref& request : connection.open) {
    const int64_t ms = agenda_->now - request->answered_at;
    arrived += request->arrived_bytes;
    if (connection_rate > 0 && request->answer_bytes > 0 && ms > 0)
      arrived += std::min(request->answer_bytes, ms * connection_rate);
  }
  return connection.bytes_moved + arrived;
}

void SimulatedNetwork::ConnectAnother(Side side, const std::vector<int32_t>& others) {
  if (others.empty()) return;
  const int32_t node = others[random_->Below(others.size())];
  agenda_->At(agenda_->now + kConnectMs, [this, side, node, open = open_] {
    if (*open) connected_[side].insert(node);
  });
}

Status SimulatedNetwork::RequestMetadata(Side side, const std::vector<std::string>& topics,
                                         const std::vector<int32_t>& avoid, uint64_t tag,
                                         int32_t* node) {
  std::vector<int32_t> up, wanted, others;
  for (int32_t candidate = 0; candidate < cluster(side).broker_count(); ++candidate) {
    if (!cluster(side).broker(candidate).up) continue;
    const bool is_wanted = std::find(avoid.begin(), avoid.end(), candidate) == avoid.end();
    if (!IsConnected(side, candidate)) {
      if (is_wanted) others.push_back(candidate);
      continue;
    }
    up.push_back(candidate);
    if (is_wanted) wanted.push_back(candidate);
  }
  if (wanted.empty()) ConnectAnother(side, others);
  if (up.empty()) return Status::Error(-195, "no broker");
  const std::vector<int32_t>& from = wanted.empty() ? up : wanted;
  const int32_t asked = from[random_->Below(from.size())];
  *node = hides_ids ? -1 : asked;
  metadata_requests[side]++;
  connections_[{side, Channel{asked}}].metadata.insert(tag);
  AnswerMetadata(side, asked, topics, tag);
  return Status::Ok();
}

// A frozen broker answers as soon as it runs again.
void SimulatedNetwork::AnswerMetadata(Side side, int32_t node,
                                      const std::vector<std::string>& topics, uint64_t tag) {
  const int64_t frozen_until = cluster(side).broker(node).frozen_until;
  if (frozen_until > agenda_->now) {
    agenda_->At(frozen_until, [=, this, open = open_] {
      if (*open) AnswerMetadata(side, node, topics, tag);
    });
    return;
  }
  Reply reply;
  reply.side = side;
  reply.tag = tag;
  reply.is_metadata = true;
  reply.topics = cluster(side).Metadata(topics);
  for (TopicLeaders& topic : reply.topics) {
    auto& [until, old] = old_news_[{side, topic.topic}];
    if (metadata_lag_ms > 0 && agenda_->now < until) {
      topic = old;
    } else {
      until = agenda_->now + metadata_lag_ms;
      old = topic;
    }
  }
  agenda_->At(agenda_->now + Latency(side), [this, node, reply = std::move(reply), open = open_] {
    Connection& connection = connections_[{reply.side, Channel{node}}];
    if (!*open || connection.is_forgotten || connection.metadata.erase(reply.tag) == 0) return;
    on_reply_(reply);
  });
}

std::string SimulatedNetwork::Describe() const {
  std::string text;
  for (const auto& [where, connection] : connections_)
    text += std::string(" ") + SideName(where.first) + " " + std::to_string(where.second.node) +
            "/" + std::to_string(where.second.number) + ": " +
            std::to_string(connection.open.size()) + " open;";
  return text;
}

}  // namespace longhaul::test
