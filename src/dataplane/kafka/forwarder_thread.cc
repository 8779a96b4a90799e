#include "kafka/forwarder_thread.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "core/process_memory.h"

namespace longhaul {
namespace {

int64_t MonotonicMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int64_t WallMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

constexpr int64_t kReceiveBytesMax = std::numeric_limits<int32_t>::max();  // of librdkafka

}  // namespace

ForwarderThread::ForwarderThread(const ForwarderConfig& config)
    : memory_share_(&BlockPool::OfProcess(), static_cast<size_t>(config.memory->fair())),
      config_(config),
      encoder_(std::in_place, EncodePool::OfProcess(), &codecs_, [this] { transport_->Wake(); }),
      forwarder_(std::in_place, config, nullptr, &codecs_, &events_, &*encoder_) {}

Status ForwarderThread::Open(ForwarderConfig config, const ClientProperties& source,
                             const ClientProperties& target,
                             std::unique_ptr<ForwarderThread>* out) {
  config.memory = &LentMemory::OfProcess();
  config.memory->Announce(config.settings.in_flight_bytes_max, config.settings.process_lanes);
  if (auto rack = source.find("client.rack"); rack != source.end()) config.rack = rack->second;
  std::unique_ptr<ForwarderThread> self(new ForwarderThread(config));
  if (!LimitFreedMemory().ok()) self->events_.Log(kLogShown, LimitFreedMemory().detail);
  Status status = self->Start(source, target);
  if (status.ok()) *out = std::move(self);
  return status;
}

Status ForwarderThread::Start(const ClientProperties& source, const ClientProperties& target) {
  ClientHandle source_client, target_client;
  Status status = OpenSide(source, Side::kSource, &source_client);
  if (status.ok()) status = OpenSide(target, Side::kTarget, &target_client);
  if (!status.ok()) return status;
  transport_ = std::make_unique<RdkafkaTransport>(
      std::move(source_client), std::move(target_client),
      PerSide<Connections*>{&clients_.source.connections, &clients_.target.connections});
  forwarder_->Connect(transport_.get());
  thread_ = std::thread([this] { Loop(); });
  return Status::Ok();
}

Status ForwarderThread::OpenSide(const ClientProperties& properties, Side side,
                                 ClientHandle* out) {
  const int64_t receive_bytes = std::min(
      config_.settings.fetch_bytes_max + config_.settings.decoded_bytes_max, kReceiveBytesMax);
  ClientProperties all = {
      // A response holds at least one whole batch, however large it is.
      {"receive.message.max.bytes", std::to_string(receive_bytes)},
      {"log.connection.close", "false"},
      // KIP-714 telemetry: its histograms cost CPU for every request, and nobody uses them.
      {"enable.metrics.push", "false"},
      // A broker that hangs accepts connections and answers nothing on them.
      {"socket.connection.setup.timeout.ms", "10000"},
      {"reconnect.backoff.ms", "50"},
      {"reconnect.backoff.max.ms", "1000"},
  };
  for (const auto& [name, value] : properties) all[name] = value;
  rd_kafka_conf_t* conf = nullptr;
  Status status = BuildClientConfig(all, &conf);
  if (!status.ok()) return status;
  ClientContext* context = &clients_[side];
  context->owner = this;
  context->side = side;
  rd_kafka_conf_set_opaque(conf, context);
  Connections::Register<ClientContext>(conf);
  rd_kafka_conf_set_log_cb(conf, OnLog);
  // A producer client on both sides: a consumer client would start to fetch.
  return OpenClient(RD_KAFKA_PRODUCER, ConfHandle(conf), out);
}

void ForwarderThread::OnLog(const rd_kafka_t* rk, int level, const char* facility,
                            const char* text) {
  const auto* context = static_cast<ClientContext*>(rd_kafka_opaque(rk));
  context->owner->events_.Log(
      level, std::string(SideName(context->side)) + ": " + text + " (" + facility + ")");
}

ForwarderThread::~ForwarderThread() {
  stopping_ = true;
  if (thread_.joinable()) {
    transport_->Wake();
    thread_.join();
  }
  encoder_.reset();
  if (transport_ == nullptr) return;
  // First, because requests point into memory of the forwarder.
  transport_.reset();
  forwarder_.reset();
}

void ForwarderThread::Loop() {
  pthread_setname_np(pthread_self(), "longhaul:lane");  // as `top -H` shows it
  const RdkafkaTransport::OnReply on_reply = [this](const Reply& reply) {
    std::lock_guard<std::mutex> guard(mutex_);
    forwarder_->OnReply(reply, MonotonicMs(), WallMs());
  };
  while (!stopping_) {
    int64_t wait_ms;
    {
      std::lock_guard<std::mutex> guard(mutex_);
      wait_ms = forwarder_->Tick(MonotonicMs(), WallMs());
    }
    memory_share_.Resize(static_cast<size_t>(config_.memory->fair()));
    transport_->Poll(static_cast<int>(wait_ms), on_reply);
  }
}

}  // namespace longhaul
