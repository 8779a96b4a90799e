// Reads what JavaScript passes to the methods of a forwarder (forwarder_object.h).
#pragma once

#include <vector>

#include "core/known_producers.h"
#include "core/partition.h"
#include "core/status.h"
#include "core/topic_bandwidth.h"
#include "kafka/value.h"

namespace longhaul {

Status ReadAssignment(const Value& from, PartitionAssignment* to);
Status ReadProducers(const Value& from, ProducersAnswer* to);
Status ReadTopicRates(const Value& from, std::vector<TopicRate>* to);

}  // namespace longhaul
