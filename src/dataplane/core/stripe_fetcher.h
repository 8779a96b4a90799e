// Fetches partitions with a large backlog in stripes (stripes.h), over all connections to their
// broker that have nothing else to fetch:
//
//   session:  Fetch at the position --> answered --> left out of the session ... --> Fetch
//   stripes:      begin behind it    stripe stripe stripe stripe    end: the backlog is small
//
// The stripes of a partition are only an optimisation, and decide nothing. They begin after the
// session has fetched from the leader in its present epoch, so that the leader has confirmed the
// position (KIP-595); each Fetch names that epoch. On any doubt (an error, another leader, a
// position that moved, a connection that ended, damaged bytes) all stripes of the partition are
// dropped, and the session continues from the position: it meets the same condition, and handles
// it.
//
// Memory: stripes in flight have at most the half of the lane's bound that Fetches may have, with
// those that wait for an earlier one 5/8, and the next stripe of the position may always be
// fetched: if there is no room for it, the stripes ahead of it are dropped. If more than 5 % of the
// bytes of a partition would be fetched twice, its stripes pause.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "core/fetch_answer.h"
#include "core/fetch_channels.h"
#include "core/fetch_plan.h"
#include "core/lane_context.h"
#include "core/read_replicas.h"
#include "core/stripes.h"

namespace longhaul {

class StripeFetcher {
 public:
  // At most one byte in kTwiceShare is fetched twice, and the lane's bound of bytes at once.
  static constexpr int64_t kTwiceShare = 20;
  static constexpr int64_t kPauseMs = 60'000;
  // How often all partitions of a broker are looked at.
  static constexpr int64_t kBeginMs = 100;
  // What a channel passes is measured over two round trips, and over this time at least.
  static constexpr int64_t kRateMs = 20;
  static constexpr int64_t kStripesPerRoundTrip = 16;
  // More memory makes stripes no larger: they would leave larger holes.
  static constexpr int64_t kStripedBoundMax = 24 << 20;
  // Brokers check the leader epoch of a Fetch from this version on (KIP-320).
  static constexpr int16_t kEpochsFrom = 9;

  StripeFetcher(LaneContext* lane, FetchPlan* plan, FetchChannels* channels,
                const ReadReplicas* replicas, const ConnectionPace& pace)
      : lane_(lane), plan_(plan), channels_(channels), replicas_(replicas), pace_(pace) {}

  // The session has fetched the partition: stripes may begin.
  void Consider(Partition* p);
  // Sends Fetches. `share`: bytes that the requests on one channel may reserve together.
  // `spare`: bytes of memory that stripes ahead leave to others.
  void Tick(int64_t share, int64_t spare, uint64_t* next_tag);
  bool Owns(uint64_t tag) const { return outstanding_.contains(tag); }
  // Returns the partition, of which stripes may now be stored; nullptr: there are none.
  Partition* OnReply(const Reply& reply);
  // The Fetch of a session on `channel` was answered or failed. Returns the partitions of which
  // stripes may now be stored.
  std::vector<Partition*> OnSession(const Channel& channel);
  // The next stripe that may be stored. Call Stored() when it is.
  std::optional<Stripe> Take(Partition* p);
  void Stored(Partition* p, const Stripe& stripe);
  // Memory is short: drops the stripes of partitions that cannot produce.
  void Relieve();
  void CheckInvariants() const;

 private:
  struct Active {
    Stripes stripes;
    Channel session;  // where the Fetch of the session was in flight when the stripes began
    int32_t node;
    int32_t epoch;
  };
  struct Outstanding {
    uint32_t id;
    Channel channel;
    int64_t bytes;
    Patience patience;
    bool was_alone;  // on its connection
  };
  using Actives = std::map<uint32_t, Active>;

  void BeginAll();
  bool MayBegin(const Partition& p) const;
  void Begin(Partition* p);
  bool IsValid(const Partition* p, const Active& active) const;
  void DropInvalid();
  void Drop(Actives::iterator active);
  bool AskNext(Actives::iterator active, int64_t share, int64_t spare, uint64_t* next_tag);
  bool MayGoAhead(const Partition& p, const Active& active, int64_t bytes, int64_t share) const;
  std::optional<Channel> ChooseChannel(int32_t node, int64_t share, int64_t round_trip_ms,
                                       bool is_hole) const;
  bool Send(const Partition& p, Active* active, const Channel& channel, const Stripes::Ask& ask,
            uint64_t* next_tag);
  bool IsGood(const FetchAnswer& answer, FetchNode* node);
  void CountTwice(Partition* p, int64_t bytes);
  bool IsWasteful(const Partition& p) const;
  int64_t StripeBytes(const FetchNode& node, int64_t round_trip_ms) const;
  int64_t StripeBytesMin() const;
  int64_t StripeBytesMax() const;
  void MeasureRates();

  LaneContext* lane_;
  FetchPlan* plan_;
  FetchChannels* channels_;
  const ReadReplicas* replicas_;
  const ConnectionPace pace_;
  Actives active_;
  std::unordered_map<uint64_t, Outstanding> outstanding_;
  int64_t in_flight_bytes_ = 0;  // of all outstanding requests
  int64_t begin_at_ = 0;
  std::set<int32_t> full_;  // brokers whose channels have no room for stripes ahead, in this tick
};

}  // namespace longhaul
