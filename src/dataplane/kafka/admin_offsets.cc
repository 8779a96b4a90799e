// Admin calls about offsets, records and producer ids.
#include <string>
#include <utility>

#include "contract/contract.generated.h"
#include "kafka/admin_call.h"
#include "kafka/raw_requests.h"

namespace longhaul {
namespace {

// After this many attempts that find no broker with the request, the cluster counts as not
// supporting it. The first attempt lasts one second, the next two seconds, and each connects to
// more brokers.
constexpr int kUnsupportedMax = 2;

Status Refused(const char* call, const std::string& error) {
  return Status::Error(kErrorInvalidArgument, std::string(call) + ": " + error);
}

// `at` is 'earliest', 'latest' or a timestamp in milliseconds; librdkafka expects one number.
Status ReadWanted(const Value& argument, int64_t* out) {
  const Value* at = argument.Find("at");
  if (at != nullptr && at->AsInt64() != nullptr && *at->AsInt64() >= 0) {
    *out = *at->AsInt64();
    return Status::Ok();
  }
  const std::string* text = at == nullptr ? nullptr : at->AsString();
  if (text != nullptr && *text == "earliest") {
    *out = RD_KAFKA_OFFSET_SPEC_EARLIEST;
    return Status::Ok();
  }
  if (text != nullptr && *text == "latest") {
    *out = RD_KAFKA_OFFSET_SPEC_LATEST;
    return Status::Ok();
  }
  return Refused("listOffsets", "at must be earliest, latest or a timestamp of 0n or more");
}

Value OffsetValue(const rd_kafka_ListOffsetsResultInfo_t* info) {
  const rd_kafka_topic_partition_t* found = rd_kafka_ListOffsetsResultInfo_topic_partition(info);
  // If there is no record at or after the timestamp, Kafka returns -1 and librdkafka a negative
  // marker.
  int64_t offset = found->err == 0 && found->offset >= 0 ? found->offset : -1;
  Value::Object item{{"topic", found->topic}, {"partition", Value::Int32(found->partition)}};
  AppendItemStatus(&item, found->err, rd_kafka_err2str(found->err));
  item.push_back({"offset", Value::Int64(offset)});
  item.push_back({"timestamp", Value::Int64(rd_kafka_ListOffsetsResultInfo_timestamp(info))});
  item.push_back({"leaderEpoch", Value::Int32(rd_kafka_topic_partition_get_leader_epoch(found))});
  return item;
}

// If no partition is known, librdkafka fails the request with _NOENT, instead of each partition
// with the error of the broker. This function returns the errors that callers expect.
Value NonePresent(const rd_kafka_topic_partition_list_t* wanted, bool list_offsets) {
  Value::Array items;
  for (int i = 0; i < wanted->cnt; i++) {
    Value::Object item{{"topic", wanted->elems[i].topic},
                       {"partition", Value::Int32(wanted->elems[i].partition)}};
    AppendItemStatus(&item, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
                     rd_kafka_err2str(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART));
    if (list_offsets) {
      item.push_back({"offset", Value::Int64(-1)});
      item.push_back({"timestamp", Value::Int64(-1)});
      item.push_back({"leaderEpoch", Value::Int32(-1)});
    } else {
      item.push_back({"logStartOffset", Value::Int64(-1)});
    }
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace

Status ListOffsets(AdminCall& call, const Value& arguments, Value* result) {
  ValueReader reader(arguments);
  const Value::Array& wanted = reader.Array("partitions");
  bool read_committed = reader.Bool("readCommitted");
  if (!reader.error().empty()) return Refused("listOffsets", reader.error());
  TopicPartitionListHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(wanted.size())));
  for (const Value& argument : wanted) {
    ValueReader item(argument);
    std::string topic = item.String("topic");
    int32_t partition = item.Int32("partition");
    if (!item.error().empty()) return Refused("listOffsets", item.error());
    int64_t at = 0;
    if (Status status = ReadWanted(argument, &at); !status.ok()) return status;
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = at;
  }
  EventHandle event;
  Status status = call.Ask(
      RD_KAFKA_ADMIN_OP_LISTOFFSETS,
      [&](rd_kafka_AdminOptions_t* options) {
        ErrorHandle error(rd_kafka_AdminOptions_set_isolation_level(
            options, read_committed ? RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED
                                    : RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED));
        if (error != nullptr) return Refused("listOffsets", rd_kafka_error_string(error.get()));
        rd_kafka_ListOffsets(call.client(), list.get(), options, call.queue());
        return Status::Ok();
      },
      &event);
  if (status.code == RD_KAFKA_RESP_ERR__NOENT) {
    *result = NonePresent(list.get(), true);
    return Status::Ok();
  }
  if (!status.ok()) return status;
  size_t count = 0;
  const rd_kafka_ListOffsetsResultInfo_t** infos =
      rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(event.get()), &count);
  Value::Array items;
  items.reserve(count);
  for (size_t i = 0; i < count; i++) items.push_back(OffsetValue(infos[i]));
  *result = std::move(items);
  return Status::Ok();
}

Status DeleteRecords(AdminCall& call, const Value& arguments, Value* result) {
  ValueReader reader(arguments);
  const Value::Array& wanted = reader.Array("partitions");
  if (!reader.error().empty()) return Refused("deleteRecords", reader.error());
  TopicPartitionListHandle before(
      rd_kafka_topic_partition_list_new(static_cast<int>(wanted.size())));
  for (const Value& argument : wanted) {
    ValueReader item(argument);
    std::string topic = item.String("topic");
    int32_t partition = item.Int32("partition");
    int64_t offset = item.Int64("beforeOffset");
    if (!item.error().empty()) return Refused("deleteRecords", item.error());
    if (topic.empty() || partition < 0) {
      return Refused("deleteRecords", "topic must not be empty, partition not negative");
    }
    // -1 is the high watermark; other negative numbers have other meanings in librdkafka.
    if (offset < -1) return Refused("deleteRecords", "beforeOffset must be -1n or more");
    rd_kafka_topic_partition_list_add(before.get(), topic.c_str(), partition)->offset = offset;
  }
  if (Status status = call.Probe(); !status.ok()) return status;
  AdminOptionsHandle options = call.NewOptions(RD_KAFKA_ADMIN_OP_DELETERECORDS);
  DeleteRecordsHandle request(rd_kafka_DeleteRecords_new(before.get()));
  rd_kafka_DeleteRecords_t* raw = request.get();
  rd_kafka_DeleteRecords(call.client(), &raw, 1, options.get(), call.queue());
  EventHandle event;
  Status status = call.Await(&event);
  if (status.code == RD_KAFKA_RESP_ERR__NOENT) {
    *result = NonePresent(before.get(), false);
    return Status::Ok();
  }
  if (!status.ok()) return status;
  const rd_kafka_topic_partition_list_t* done =
      rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event.get()));
  Value::Array items;
  for (int i = 0; i < done->cnt; i++) {
    const rd_kafka_topic_partition_t& partition = done->elems[i];
    Value::Object item{{"topic", partition.topic},
                       {"partition", Value::Int32(partition.partition)}};
    AppendItemStatus(&item, partition.err, rd_kafka_err2str(partition.err));
    item.push_back({"logStartOffset", Value::Int64(partition.err == 0 ? partition.offset : -1)});
    items.push_back(std::move(item));
  }
  *result = std::move(items);
  return Status::Ok();
}

Status InitProducerId(AdminCall& call, const Value&, Value* result) {
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  int unsupported = 0;
  // An answer that comes after its slice wastes one of the cluster's 2^63 producer ids.
  Status status = call.InSlices("initProducerId", [&](int timeout_ms, std::string* detail) {
    char text[512] = "";
    int32_t code = longhaul_init_producer_id(call.client(), timeout_ms, &producer_id,
                                             &producer_epoch, text, sizeof(text));
    *detail = text;
    // A cluster that has just started, or whose coordinator is moving, returns retriable errors.
    // librdkafka retries for its own producers, but not for this request.
    bool starting = code == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
                    code == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE;
    // A broker that is not connected yet may support the request.
    if (code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE) starting = ++unsupported < kUnsupportedMax;
    return starting ? int32_t{RD_KAFKA_RESP_ERR__RETRY} : code;
  });
  if (!status.ok()) return status;
  *result = Value::Object{{"producerId", Value::Int64(producer_id)},
                          {"producerEpoch", Value::Int32(producer_epoch)}};
  return Status::Ok();
}

}  // namespace longhaul
