#include "kafka/rdkafka_transport.h"

#include <memory>
#include <utility>

#include "core/block_pool.h"
#include "kafka/client_config.h"
#include "kafka/raw_brokers.h"

namespace longhaul {
namespace {

// A response in librdkafka's own receive buffer.
class ResponseBuffer final : public Buffer {
 public:
  explicit ResponseBuffer(longhaul_response_t* response) : response_(response) {}
  ~ResponseBuffer() override { longhaul_response_release(response_); }
  ResponseBuffer(const ResponseBuffer&) = delete;
  ResponseBuffer& operator=(const ResponseBuffer&) = delete;
  uint8_t* data() override { return longhaul_response_data(response_); }
  size_t size() const override { return longhaul_response_size(response_); }
  size_t footprint() const override {
    return BlockPool::Footprint(longhaul_response_allocated(response_));
  }

 private:
  longhaul_response_t* response_;
};

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

Status FromCode(int32_t code) {
  if (code == 0) return Status::Ok();
  return Status::Error(code, rd_kafka_err2str(static_cast<rd_kafka_resp_err_t>(code)));
}

}  // namespace

struct RdkafkaTransport::PollContext {
  const RdkafkaTransport* transport;
  const OnReply* on_reply;
};

RdkafkaTransport::RdkafkaTransport(ClientHandle source, ClientHandle target,
                                   PerSide<Connections*> connections)
    : source_(std::move(source)),
      target_(std::move(target)),
      connections_(connections),
      queue_(longhaul_queue_new(source_.get())) {}

RdkafkaTransport::~RdkafkaTransport() {
  CloseTarget();
  source_.reset();
  longhaul_queue_free(queue_, IgnoreReply, nullptr);
}

void RdkafkaTransport::CloseTarget() {
  if (target_ == nullptr) return;
  // The queue stops taking replies first. Those in it hold on to their brokers as well and go next;
  // then the client's broker threads end, and with them users of the queue.
  longhaul_queue_disable(queue_);
  longhaul_queue_serve(queue_, 0, IgnoreReply, nullptr);
  target_.reset();
}

void RdkafkaTransport::IgnoreReply(const longhaul_reply_t* reply, void*) {
  if (reply->response != nullptr) longhaul_response_release(reply->response);
}

BrokerState RdkafkaTransport::broker_state(Side side, int32_t node) {
  switch (longhaul_broker_state(client(side), node)) {
    case 1: return BrokerState::kUp;
    case 0: return BrokerState::kDown;
    default: return BrokerState::kUnknown;
  }
}

int16_t RdkafkaTransport::api_version(Side side, int32_t node, int16_t api_key, int16_t min,
                                      int16_t max) {
  return longhaul_api_version(client(side), node, api_key, min, max);
}

int32_t RdkafkaTransport::connection(Side side, int32_t node) {
  return longhaul_broker_connection(client(side), node);
}

Status RdkafkaTransport::Send(const Request& request) {
  std::vector<longhaul_piece_t> pieces;
  pieces.reserve(request.pieces.size());
  for (const Piece& piece : request.pieces)
    pieces.push_back({piece.data, piece.size, piece.by_reference ? 1 : 0});
  return FromCode(longhaul_send(client(request.side), queue_, request.node, request.api_key,
                                request.api_version, request.is_flexible ? 1 : 0, pieces.data(),
                                pieces.size(), request.timeout_ms, request.connection,
                                request.tag));
}

Status RdkafkaTransport::RequestMetadata(Side side, const std::vector<std::string>& topics,
                                         const std::vector<int32_t>& avoid, uint64_t tag,
                                         int32_t* node) {
  std::vector<const char*> names;
  names.reserve(topics.size());
  for (const std::string& topic : topics) names.push_back(topic.c_str());
  return FromCode(longhaul_request_metadata(client(side), queue_, names.data(), names.size(),
                                            avoid.data(), avoid.size(), tag, node));
}

int64_t RdkafkaTransport::bytes_moved(Side side, int32_t node) {
  return connections_[side]->BytesMoved(longhaul_broker_thread(client(side), node));
}

void RdkafkaTransport::Disconnect(Side side, int32_t node) {
  connections_[side]->Shutdown(longhaul_broker_thread(client(side), node));
}

void RdkafkaTransport::Deliver(const longhaul_reply_t* raw, void* opaque) {
  auto* context = static_cast<PollContext*>(opaque);
  Reply reply;
  reply.side = raw->rk == context->transport->source_.get() ? Side::kSource : Side::kTarget;
  reply.tag = raw->tag;
  reply.error = raw->error;
  reply.api_version = raw->api_version;
  if (raw->response != nullptr) reply.body = std::make_shared<ResponseBuffer>(raw->response);
  reply.is_metadata = raw->is_metadata != 0;
  if (reply.is_metadata) reply.topics = CopyTopics(*raw);
  (*context->on_reply)(reply);
}

void RdkafkaTransport::Poll(int timeout_ms, const OnReply& on_reply) {
  PollContext context{this, &on_reply};
  longhaul_queue_serve(queue_, timeout_ms, Deliver, &context);
}

Status RdkafkaTransport::SetToken(Side side, const std::string& token) {
  return longhaul::SetToken(client(side), token);
}

void RdkafkaTransport::Wake() { longhaul_queue_wake(queue_); }

}  // namespace longhaul
