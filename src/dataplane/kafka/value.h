// A small tree of plain values: the arguments and the results of admin calls. Pure C++;
// binding/convert.cc converts it from and to JavaScript. ValueReader reads it, and keeps the first
// error, so that its callers need not check each member.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/status.h"

namespace longhaul {

class Value {
 public:
  struct Member;
  using Array = std::vector<Value>;
  using Bytes = std::vector<uint8_t>;  // a Buffer in JavaScript
  using Object = std::vector<Member>;  // in the order of insertion; admin objects are small

  Value() = default;  // null
  Value(bool value) : data_(value) {}
  Value(std::string value) : data_(std::move(value)) {}
  Value(std::string_view value) : data_(std::string(value)) {}
  // A C string of librdkafka may be NULL, which means "not set".
  Value(const char* value) {
    if (value != nullptr) data_ = std::string(value);
  }
  Value(Bytes value) : data_(std::move(value)) {}
  inline Value(Array value);
  inline Value(Object value);

  // The kind of a number depends on its meaning, never on its size: ids, counts and error codes are
  // Int32 (a JavaScript number); offsets, timestamps and producer ids are Int64 (a BigInt).
  static Value Int32(int32_t value) {
    Value result;
    result.data_ = value;
    return result;
  }
  static Value Int64(int64_t value) {
    Value result;
    result.data_ = value;
    return result;
  }

  bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  const bool* AsBool() const { return std::get_if<bool>(&data_); }
  const int32_t* AsInt32() const { return std::get_if<int32_t>(&data_); }
  const int64_t* AsInt64() const { return std::get_if<int64_t>(&data_); }
  const std::string* AsString() const { return std::get_if<std::string>(&data_); }
  const Bytes* AsBytes() const { return std::get_if<Bytes>(&data_); }
  inline const Array* AsArray() const;
  inline const Object* AsObject() const;

  // The member of that name; nullptr if this is no object or has no such member.
  inline const Value* Find(std::string_view name) const;

 private:
  std::variant<std::monostate, bool, int32_t, int64_t, std::string, Bytes, Array, Object> data_;
};

struct Value::Member {
  std::string name;
  Value value;
};

inline Value::Value(Array value) : data_(std::move(value)) {}
inline Value::Value(Object value) : data_(std::move(value)) {}
inline const Value::Array* Value::AsArray() const { return std::get_if<Array>(&data_); }
inline const Value::Object* Value::AsObject() const { return std::get_if<Object>(&data_); }

inline const Value* Value::Find(std::string_view name) const {
  const Object* object = AsObject();
  if (object == nullptr) return nullptr;
  for (const Member& member : *object) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}

// Reads an object of arguments. The first member that is missing or of another kind sets error().
// Values read after that are defaults and must not be used before error() was checked.
class ValueReader {
 public:
  explicit ValueReader(const Value& object) : object_(object) {}

  std::string String(std::string_view name) {
    const Value* value = object_.Find(name);
    const std::string* text = value == nullptr ? nullptr : value->AsString();
    if (text == nullptr) return Fail(name, "a string"), std::string();
    // librdkafka reads C strings: it would silently ignore all characters after a NUL.
    if (text->find('\0') != std::string::npos) return Fail(name, "free of NUL"), std::string();
    return *text;
  }

  // A string, or null if the member is null or absent.
  Value OptionalString(std::string_view name) {
    const Value* value = object_.Find(name);
    return value == nullptr || value->is_null() ? Value() : Value(String(name));
  }

  bool Bool(std::string_view name) {
    const Value* value = object_.Find(name);
    const bool* flag = value == nullptr ? nullptr : value->AsBool();
    return flag == nullptr ? (Fail(name, "a boolean"), false) : *flag;
  }

  // `otherwise` if the member is null or absent.
  bool OptionalBool(std::string_view name, bool otherwise) {
    const Value* value = object_.Find(name);
    return value == nullptr || value->is_null() ? otherwise : Bool(name);
  }

  int32_t Int32(std::string_view name) {
    const Value* value = object_.Find(name);
    const int32_t* number = value == nullptr ? nullptr : value->AsInt32();
    return number == nullptr ? (Fail(name, "a 32-bit integer number"), 0) : *number;
  }

  // `otherwise` if the member is null or absent.
  int32_t OptionalInt32(std::string_view name, int32_t otherwise) {
    const Value* value = object_.Find(name);
    return value == nullptr || value->is_null() ? otherwise : Int32(name);
  }

  int64_t Int64(std::string_view name) {
    const Value* value = object_.Find(name);
    const int64_t* number = value == nullptr ? nullptr : value->AsInt64();
    return number == nullptr ? (Fail(name, "a BigInt"), 0) : *number;
  }

  const Value::Bytes& Bytes(std::string_view name) {
    static const Value::Bytes kEmpty;
    const Value* value = object_.Find(name);
    const Value::Bytes* bytes = value == nullptr ? nullptr : value->AsBytes();
    return bytes == nullptr ? (Fail(name, "a Buffer"), kEmpty) : *bytes;
  }

  const Value::Array& Array(std::string_view name) {
    static const Value::Array kEmpty;
    const Value* value = object_.Find(name);
    const Value::Array* array = value == nullptr ? nullptr : value->AsArray();
    return array == nullptr ? (Fail(name, "an array"), kEmpty) : *array;
  }

  const std::string& error() const { return error_; }  // empty: no error

 private:
  void Fail(std::string_view name, std::string_view wanted) {
    if (error_.empty()) error_ = std::string(name) + " must be " + std::string(wanted);
  }

  const Value& object_;
  std::string error_;
};

}  // namespace longhaul
