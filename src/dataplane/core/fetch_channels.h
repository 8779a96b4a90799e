// The channels over which the lane fetches from each source broker. connection_count.h decides how
// many there are; this class measures for it, opens and closes them, and spreads the partitions of
// the broker over them. Each channel has its own Fetches and its own Fetch session, for partitions
// that no other channel fetches:
//
//   OpenChannel --open--> used: gets partitions, evened out at each look
//                           |  not wanted any more            the connection has ended
//                           v                                       |
//                         not used: its partitions leave it between two Fetches, the broker frees
//                         its session; then it is closed, or opened again if it is wanted
//
// A partition changes its channel only while no Fetch of its channel is in flight, so it is fetched
// over one channel at a time. Order and sequences do not depend on channels at all: a response
// counts only for the offset that the partition is at.
//
// Partitions with a large backlog may be fetched in stripes over all channels (stripe_fetcher.h,
// PrefersStripes). Then channel 0 has the session with all partitions.
//
// A broker serves one Fetch of a connection at a time. So a partition that follows its log would
// wait for whole responses of a backlog on its channel. While both are there, the partitions that
// follow their logs have channel 0 to themselves, and a far broker has one connection more for it.
//
// A broker may refuse a further connection (max.connections.per.ip). Then the lane keeps one
// connection less than it has, for librdkafka, which asks for metadata on its own one.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "core/connection_count.h"
#include "core/fetch_plan.h"
#include "core/lane_context.h"

namespace longhaul {

class FetchChannels {
 public:
  // Connections that end within it ended for one reason, as when their broker restarts.
  static constexpr int64_t kOneLossMs = 1'000;
  static constexpr int32_t kLossesMax = 3;  // then the broker counts as refusing
  // The round trip of a line on which nothing waits is the shortest one of this span, at least.
  static constexpr int64_t kNearestMs = 600'000;
  // How many round trips a Fetch lasts beside partitions that follow their logs, if no other
  // channel fetches a backlog or if these partitions share its channel: bytes arrive in seven
  // eighths of the time.
  static constexpr double kAloneRoundTrips = 8;
  // With several channels, bytes of one arrive during the round trip of another. In flight is then
  // a quarter more than what the line holds.
  static constexpr double kLineShare = 1.25;
  static constexpr double kLeastRoundTrips = 1.5;
  // After a backlog the partitions stay where they are for as long: with ten thousand of them each
  // move costs large requests.
  static constexpr int64_t kMixedMs = 5'000;

  // room_min: bytes that a Fetch needs to be worth a request.
  FetchChannels(LaneContext* lane, FetchPlan* plan, const ConnectionPace& pace, int64_t room_min)
      : lane_(lane), plan_(plan), pace_(pace), room_min_(room_min) {}

  // Before the Fetches of a tick.
  void Tick();
  // A Fetch was answered; `first_byte_ms` as in Reply.
  void Answered(const Channel& channel, int64_t first_byte_ms);
  // A Fetch from the broker waits for memory.
  void LackedRoom(int32_t node);
  // The connection of a further channel has ended.
  void Lost(const Channel& channel);
  // Records of the partition were fetched, or it has none to fetch.
  void SeeEnd(Partition* p) const;
  // How many bytes a Fetch on the channel asks for, by its pace.
  int64_t BytesMax(const Channel& channel, const FetchPace& pace) const;
  // Whether some partitions of the broker follow their logs, while others have a backlog.
  bool IsMixed(int32_t node) const {
    const auto broker = brokers_.find(node);
    return broker != brokers_.end() && IsMixed(broker->second);
  }
  // Of the lane, to all source brokers that have answered it.
  int64_t CountOpen() const;
  // To the broker, -1: not known.
  int64_t RoundTripMs(int32_t node) const;
  // The same, of a line on which nothing waits.
  int64_t NearestMs(int32_t node) const;

 private:
  struct Broker {
    Broker(int32_t max, const ConnectionPace& pace) : count(max, pace) {}
    ConnectionCount count;
    std::map<int32_t, int64_t> bytes;  // moved until the last look, by channel
    int64_t bytes_of_all = 0;          // of all lanes, then
    bool lacked_room = false;
    int32_t opening = 0;  // the channel that is being opened, 0: none
    int64_t opening_since = 0;
    int64_t look_at = INT64_MAX;  // at a channel that is being opened
    int64_t not_before = 0;       // nothing is opened
    int64_t pause_ms = 0;
    int64_t lost_at = -1;
    int32_t losses = 0;
    bool has_refused = false;  // and that was logged
    int64_t striped_until = 0;  // a while after a partition could last be fetched in stripes
    Backlogs backlogs;          // at the last look
    ShortestTime nearest{kNearestMs};
    // When some partitions followed their logs, and others had a backlog, last; 0: never.
    int64_t mixed_at = 0;
    int64_t one_more_from = 0;  // no connection for that before, because the broker has refused one
    int32_t affordable = 1;     // at the last look
  };

  void Look(int32_t node, Broker* broker);
  void SeeBacklogs(int32_t node, Broker* broker, ConnectionCount::Look* look);
  void Follow(int32_t node, Broker* broker);
  int32_t Wanted(const Broker& broker) const;
  bool IsMixed(const Broker& broker) const {
    return broker.mixed_at > 0 && lane_->now - broker.mixed_at < kMixedMs;
  }
  bool PrefersStripes(const Broker& broker, int32_t used) const;
  bool OpenNext(int32_t node, Broker* broker);
  void StopOpening(int32_t node, Broker* broker);
  void Refuse(int32_t node, Broker* broker, const char* what);
  void CloseUnused();

  LaneContext* lane_;
  FetchPlan* plan_;
  const ConnectionPace pace_;
  const int64_t room_min_;
  std::map<int32_t, Broker> brokers_;
  std::set<Channel> unused_;  // to be closed
};

}  // namespace longhaul
