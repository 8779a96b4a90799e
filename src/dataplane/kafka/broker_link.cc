#include "kafka/broker_link.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <utility>

#include "kafka/handles.h"
#include "kafka/raw_brokers.h"

namespace longhaul {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

std::atomic<int64_t> fetched_by_all{0};

}  // namespace

BrokerLink::BrokerLink(Side side, int32_t node, const Lane& lane, const Client* client)
    : side_(side), node_(node), lane_(lane), client_(client), number_(++*lane.next_number) {}

BrokerLink::~BrokerLink() {
  Close(&current_);
  Close(&next_);
}

BrokerState BrokerLink::AskState(int64_t now) {
  if (current_.io != nullptr || is_adopting_ || adopt_at_ >= 0) return BrokerState::kUp;
  const int state = longhaul_broker_state(client_->rk, node_);
  if (state < 0) return BrokerState::kUnknown;
  if (state == 1 && HasIdle()) {
    Reopen(now);
    return BrokerState::kUp;
  }
  return state == 1 && BeginAdoption(now) ? BrokerState::kUp : BrokerState::kDown;
}

int16_t BrokerLink::api_version(int16_t api_key, int16_t min, int16_t max) const {
  if (apis_.empty()) return longhaul_api_version(client_->rk, node_, api_key, min, max);
  for (const longhaul_api_range_t& api : apis_) {
    if (api.key != api_key) continue;
    const int16_t version = std::min(api.max, max);
    return version >= std::max(api.min, min) ? version : int16_t{-1};
  }
  return -1;
}

int32_t BrokerLink::AskConnection(int64_t now) {
  return AskState(now) == BrokerState::kUp ? number_ : -1;
}

// Asks for the connection already while librdkafka opens it. Once it is logged in, librdkafka would
// first ask for metadata on it, and the answer needs one more round trip.
bool BrokerLink::AskOpen(int64_t now) {
  is_left_ = false;
  if (current_.io == nullptr && !is_adopting_ && adopt_at_ < 0 &&
      longhaul_broker_is_connecting(client_->rk, node_) != 0)
    BeginAdoption(now);
  return AskState(now) == BrokerState::kUp && current_.io != nullptr;
}

void BrokerLink::Leave() {
  is_left_ = true;
  adopt_at_ = -1;
  Close(&next_);
  FailRequests(RD_KAFKA_RESP_ERR__TRANSPORT, 0);
}

int64_t BrokerLink::bytes_fetched_by_all() { return fetched_by_all; }

int64_t BrokerLink::bytes_moved() const {
  return current_.io == nullptr ? -1 : current_.io->socket().bytes_moved();
}

// While the lane mirrors partitions of a source broker, a Fetch is in flight. On the target a lane
// without new records sends nothing for minutes: there the next record would wait for a login.
bool BrokerLink::IsIdle(const Request& request, int64_t now) const {
  return side_ == Side::kSource && request.channel == 0 && current_.io != nullptr &&
         current_.io->is_at_rest() && now - current_.used_at > kIdleMsMax;
}

void BrokerLink::Reopen(int64_t now) {
  Close(&current_);
  reopen_until_ = now + kReopenMsMax;
  if (!is_adopting_) adopt_at_ = now;
}

// Whether librdkafka's connection is one that nobody has used for long.
bool BrokerLink::HasIdle() const {
  return longhaul_broker_idle_us(client_->rk, node_) > 1000 * kIdleMsMax;
}

// True: a connection is being adopted, or will be once librdkafka has opened it.
bool BrokerLink::AdoptSoon(int64_t now) {
  const int state = longhaul_broker_state(client_->rk, node_);
  if (state == 1 && !HasIdle()) return BeginAdoption(now);
  if (state == 1) client_->connections->Shutdown(longhaul_broker_thread(client_->rk, node_));
  if (state < 0 || now >= reopen_until_) return false;
  adopt_at_ = now + kAdoptAgainMaxMs;
  return true;
}

bool BrokerLink::BeginAdoption(int64_t now) {
  const bool is_renewal = current_.io != nullptr;
  // If librdkafka will soon renew the session, wait for that: the connection in use remains valid
  // for another tenth of its session. Without a connection in use, adopt any that is not being
  // renewed at this moment.
  int64_t session_us_min = LONGHAUL_ANY_SESSION;
  if (session_us_ >= 0) session_us_min = is_renewal ? session_us_ / 10 : 0;
  adopt_at_ = -1;
  is_adopting_ = longhaul_adopt(client_->rk, client_->queue, node_, kAdoptTimeoutMs, session_us_min,
                                reinterpret_cast<uint64_t>(this)) == 0;
  (void)now;
  return is_adopting_;
}

void BrokerLink::OnAdoption(const longhaul_reply_t& reply, int64_t now) {
  is_adopting_ = false;
  if (is_left_) return;  // whoever delivers the reply closes the connection
  if (reply.error == RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS) {
    adopt_at_ = now + adopt_pause_ms_;
    adopt_pause_ms_ = std::min(2 * adopt_pause_ms_, kAdoptAgainMaxMs);
    return;
  }
  adopt_pause_ms_ = kAdoptAgainMs;
  if (reply.error != 0) {
    if (current_.io != nullptr) {
      adopt_at_ = now + kAdoptAgainMaxMs;
    } else {
      FailRequests(RD_KAFKA_RESP_ERR__TRANSPORT, now);
    }
    return;
  }
  longhaul_adopted_t* adopted = reply.adopted;
  Connection taken;
  taken.id = ++*lane_.next_id;
  taken.used_at = now;
  if (adopted->renew_in_us >= 0) {
    taken.renew_at = now + adopted->renew_in_us / 1000;
    session_us_ = std::max(session_us_, adopted->renew_in_us);
  }
  apis_.assign(adopted->apis, adopted->apis + adopted->api_count);
  taken.io = std::make_unique<BrokerConnection>(
      std::make_unique<BrokerSocket>(std::exchange(adopted->fd, -1),
                                     std::exchange(adopted->ssl, nullptr)),
      client_->response_bytes_max);
  lane_.poller->Add(taken.io->socket().fd(), taken.id);
  if (current_.io == nullptr) opened_++;
  Close(&next_);
  next_ = std::move(taken);
  UseNext();
}

// Keeps the number of the connection: nothing is lost when a connection that awaits no answer is
// replaced.
void BrokerLink::UseNext() {
  if (next_.io == nullptr || (current_.io != nullptr && !current_.io->is_at_rest())) return;
  Close(&current_);
  current_ = std::exchange(next_, Connection{});
  for (; !waiting_.empty(); waiting_.pop_front()) current_.io->Queue(std::move(waiting_.front()));
}

void BrokerLink::Close(Connection* connection) {
  if (connection->io != nullptr) lane_.poller->Remove(connection->io->socket().fd());
  *connection = Connection{};
}

void BrokerLink::Send(const Request& request, int64_t now) {
  RequestFrame frame(request, client_->id, now);
  if (request.connection >= 0 && request.connection != number_)
    return Fail(frame, RD_KAFKA_RESP_ERR__TRANSPORT);
  UseNext();
  if (IsIdle(request, now)) Reopen(now);
  if (current_.io != nullptr && next_.io == nullptr) {
    current_.used_at = now;
    return current_.io->Queue(std::move(frame));
  }
  if (AskState(now) != BrokerState::kUp) return Fail(frame, RD_KAFKA_RESP_ERR__TRANSPORT);
  waiting_.push_back(std::move(frame));
}

void BrokerLink::Disconnect() {
  if (current_.io != nullptr) current_.io->Shutdown();
  Close(&next_);
  if (current_.io == nullptr) FailRequests(RD_KAFKA_RESP_ERR__TRANSPORT, 0);
}

void BrokerLink::OnReady(uint64_t id, int64_t now) {
  Receive(current_.id == id ? &current_ : &next_, now);
}

void BrokerLink::Receive(Connection* connection, int64_t now) {
  std::vector<Answer> answers;
  connection->used_at = now;
  const int64_t received = connection->io->bytes_received();
  const BrokerConnection::State state = connection->io->Receive(now, &answers);
  if (side_ == Side::kSource) fetched_by_all += connection->io->bytes_received() - received;
  for (Answer& answer : answers)
    lane_.replies->push_back(
        {side_, answer.tag, 0, answer.api_version, std::move(answer.body), false, {},
         answer.first_byte_ms});
  if (state == BrokerConnection::State::kOpen)
    Flush(connection);
  else
    OnEnd(connection, state == BrokerConnection::State::kMalformed
                          ? RD_KAFKA_RESP_ERR__BAD_MSG
                          : RD_KAFKA_RESP_ERR__TRANSPORT);
}

void BrokerLink::Flush(Connection* connection) {
  if (connection->io->Flush() != BrokerConnection::State::kOpen)
    return OnEnd(connection, RD_KAFKA_RESP_ERR__TRANSPORT);
  const bool wants = connection->io->is_writing();
  if (std::exchange(connection->wants_write, wants) != wants)
    lane_.poller->WantWrite(connection->io->socket().fd(), connection->id, wants);
}

// A broker closes connections that have been idle for connections.max.idle.ms: if no answer was
// awaited, nothing is lost.
void BrokerLink::OnEnd(Connection* connection, int32_t code) {
  if (connection == &next_ || connection->io->is_at_rest()) return Close(connection);
  FailRequests(code, 0);
}

// Fails the requests in the order in which they were sent.
void BrokerLink::FailRequests(int32_t code, int64_t now) {
  const auto fail = [&](const RequestFrame& frame) {
    Fail(frame, now > 0 && frame.deadline <= now ? RD_KAFKA_RESP_ERR__TIMED_OUT : code);
  };
  if (current_.io != nullptr)
    for (const RequestFrame& frame : current_.io->requests()) fail(frame);
  Close(&current_);
  for (const RequestFrame& frame : std::exchange(waiting_, {})) fail(frame);
  number_ = ++*lane_.next_number;
  UseNext();
}

void BrokerLink::Fail(const RequestFrame& frame, int32_t code) {
  lane_.replies->push_back({side_, frame.tag, code, frame.api_version, nullptr, false, {}});
}

int64_t BrokerLink::EarliestDeadline() const {
  int64_t earliest = kNever;
  if (current_.io != nullptr)
    for (const RequestFrame& frame : current_.io->requests())
      earliest = std::min(earliest, frame.deadline);
  for (const RequestFrame& frame : waiting_) earliest = std::min(earliest, frame.deadline);
  return earliest;
}

int64_t BrokerLink::Tick(int64_t now, bool* is_sound) {
  *is_sound = true;
  UseNext();
  if (current_.io != nullptr && current_.io->has_more()) Receive(&current_, now);
  if (current_.io != nullptr && current_.io->is_writing() && !current_.wants_write)
    Flush(&current_);
  int64_t due = EarliestDeadline();
  if (due <= now) {
    *is_sound = false;
    Close(&next_);
    FailRequests(RD_KAFKA_RESP_ERR__TRANSPORT, now);
    due = kNever;
  }
  if (adopt_at_ >= 0 && adopt_at_ <= now && !is_adopting_) {
    adopt_at_ = -1;
    if (current_.io == nullptr && !AdoptSoon(now))
      FailRequests(RD_KAFKA_RESP_ERR__TRANSPORT, now);
  }
  Renew(now);
  if (current_.io != nullptr && current_.io->has_more()) return now;
  for (const int64_t at : {adopt_at_, current_.io == nullptr ? -1 : current_.renew_at})
    if (at >= 0 && next_.io == nullptr && !is_adopting_) due = std::min(due, std::max(at, now));
  return due;
}

void BrokerLink::Renew(int64_t now) {
  if (current_.io == nullptr || current_.renew_at < 0 || now < current_.renew_at ||
      next_.io != nullptr || is_adopting_ || adopt_at_ >= 0)
    return;
  // If librdkafka has no connection yet, longhaul_broker_state() makes it open one: try again soon.
  if (longhaul_broker_state(client_->rk, node_) == 1 && BeginAdoption(now)) return;
  current_.renew_at = now + kAdoptAgainMaxMs;
}

}  // namespace longhaul
