#include "kafka/rdkafka_transport.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <utility>

#include "kafka/client_config.h"
#include "kafka/kafka_status.h"
#include "kafka/raw_brokers.h"

namespace longhaul {
namespace {

int64_t MonotonicMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string Property(rd_kafka_t* client, const char* name) {
  std::array<char, 1024> value{};
  size_t size = value.size();
  const auto result = rd_kafka_conf_get(rd_kafka_conf(client), name, value.data(), &size);
  return result == RD_KAFKA_CONF_OK ? std::string(value.data()) : std::string();
}

std::vector<TopicLeaders> CopyTopics(const longhaul_reply_t& raw) {
  std::vector<TopicLeaders> topics;
  topics.reserve(static_cast<size_t>(raw.topic_count));
  for (int32_t t = 0; t < raw.topic_count; t++) {
    const longhaul_topic_metadata_t& from = raw.topics[t];
    TopicLeaders topic{from.topic, from.error, {}, {}};
    std::copy(std::begin(from.topic_id), std::end(from.topic_id), topic.topic_id.begin());
    for (int32_t p = 0; p < from.partition_count; p++) {
      const longhaul_partition_metadata_t& partition = from.partitions[p];
      topic.partitions.push_back(
          {partition.partition, partition.leader, partition.leader_epoch, partition.error});
    }
    topics.push_back(std::move(topic));
  }
  return topics;
}

}  // namespace

RdkafkaTransport::RdkafkaTransport(ClientHandle source, ClientHandle target,
                                   PerSide<Connections*> connections)
    : source_(std::move(source)),
      target_(std::move(target)),
      connections_(connections),
      queue_(longhaul_queue_new(source_.get())) {
  for (const Side side : {Side::kSource, Side::kTarget}) {
    clients_[side] = {client(side), queue_, Property(client(side), "client.id"),
                      std::strtoll(Property(client(side), "receive.message.max.bytes").c_str(),
                                   nullptr, 10),
                      connections[side]};
  }
  longhaul_queue_signal(queue_, poller_.wake_fd());
}

RdkafkaTransport::~RdkafkaTransport() {
  links_.clear();
  // First the queue stops accepting replies. Replies in the queue refer to their brokers, so they
  // are freed next. Then the broker threads end, which are the last users of the queue.
  longhaul_queue_disable(queue_);
  longhaul_queue_serve(queue_, IgnoreReply, nullptr);
  target_.reset();
  source_.reset();
  longhaul_queue_free(queue_, IgnoreReply, nullptr);
}

void RdkafkaTransport::IgnoreReply(const longhaul_reply_t*, void*) {}

BrokerLink* RdkafkaTransport::Link(Side side, const Channel& channel) {
  std::unique_ptr<BrokerLink>& link = links_[{side, channel}];
  if (link == nullptr)
    link = std::make_unique<BrokerLink>(
        side, channel.node, BrokerLink::Lane{&poller_, &replies_, &next_id_, &next_number_},
        &clients_[side]);
  return link.get();
}

BrokerState RdkafkaTransport::broker_state(Side side, int32_t node) {
  return Link(side, {node})->AskState(MonotonicMs());
}

int16_t RdkafkaTransport::api_version(Side side, int32_t node, int16_t api_key, int16_t min,
                                      int16_t max) {
  return Link(side, {node})->api_version(api_key, min, max);
}

int32_t RdkafkaTransport::connection(Side side, int32_t node) {
  return Link(side, {node})->AskConnection(MonotonicMs());
}

Status RdkafkaTransport::Send(const Request& request) {
  Link(request.side, {request.node, request.channel})->Send(request, MonotonicMs());
  return Status::Ok();
}

Status RdkafkaTransport::RequestMetadata(Side side, const std::vector<std::string>& topics,
                                         const std::vector<int32_t>& avoid, uint64_t tag,
                                         int32_t* node) {
  std::vector<const char*> names;
  names.reserve(topics.size());
  for (const std::string& topic : topics) names.push_back(topic.c_str());
  return StatusOf(longhaul_request_metadata(client(side), queue_, names.data(), names.size(),
                                            avoid.data(), avoid.size(), tag, node));
}

int64_t RdkafkaTransport::bytes_moved(Side side, const Channel& channel) {
  return Link(side, channel)->bytes_moved();
}

// librdkafka's own connection to the broker uses the same path, so it is closed, too.
void RdkafkaTransport::Disconnect(Side side, const Channel& channel) {
  Link(side, channel)->Disconnect();
  connections_[side]->Shutdown(longhaul_broker_thread(client(side), channel.node));
}

bool RdkafkaTransport::OpenChannel(Side side, const Channel& channel) {
  return Link(side, channel)->AskOpen(MonotonicMs());
}

// The link stays: librdkafka may still answer it.
void RdkafkaTransport::CloseChannel(Side side, const Channel& channel) {
  Link(side, channel)->Leave();
}

int64_t RdkafkaTransport::connections_opened(Side side, int32_t node) const {
  int64_t opened = 0;
  for (auto at = links_.lower_bound({side, Channel{node}});
       at != links_.end() && at->first.first == side && at->first.second.node == node; ++at)
    opened += at->second->opened();
  return opened;
}

void RdkafkaTransport::Take(const longhaul_reply_t* raw, void* opaque) {
  auto* self = static_cast<RdkafkaTransport*>(opaque);
  if (raw->is_adoption)
    return reinterpret_cast<BrokerLink*>(raw->tag)->OnAdoption(*raw, MonotonicMs());
  Reply reply;
  reply.side = raw->rk == self->source_.get() ? Side::kSource : Side::kTarget;
  reply.tag = raw->tag;
  reply.error = raw->error;
  reply.is_metadata = raw->is_metadata != 0;
  if (reply.is_metadata) reply.topics = CopyTopics(*raw);
  self->replies_.push_back(std::move(reply));
}

// Returns after how many ms something is due.
int64_t RdkafkaTransport::TickLinks(int64_t now) {
  int64_t due = std::numeric_limits<int64_t>::max();
  for (auto& [key, link] : links_) {
    bool is_sound = true;
    due = std::min(due, link->Tick(now, &is_sound));
    if (!is_sound)
      connections_[key.first]->Shutdown(
          longhaul_broker_thread(client(key.first), key.second.node));
  }
  return std::max<int64_t>(due - now, 0);
}

void RdkafkaTransport::Poll(int timeout_ms, const OnReply& on_reply) {
  const int64_t due = TickLinks(MonotonicMs());
  const int64_t wait = replies_.empty() ? std::min<int64_t>(timeout_ms, due) : 0;
  const bool is_waked = poller_.Wait(static_cast<int>(wait), [this](uint64_t id) {
    for (auto& [key, link] : links_)
      if (link->Owns(id)) return link->OnReady(id, MonotonicMs());
  });
  if (is_waked) longhaul_queue_serve(queue_, Take, this);
  for (const Reply& reply : std::exchange(replies_, {})) on_reply(reply);
}

Status RdkafkaTransport::SetToken(Side side, const std::string& token) {
  return longhaul::SetToken(client(side), token);
}

void RdkafkaTransport::Wake() { poller_.Wake(); }

}  // namespace longhaul
