#include "binding/convert.h"

#include <cmath>
#include <utility>
#include <vector>

#include "contract/contract.generated.h"

namespace longhaul {
namespace {

constexpr int kDepthMax = 8;
constexpr size_t kValuesMax = 1'000'000;  // far above the largest chunk the orchestrator sends
// Above the largest request that a broker accepts by default (socket.request.max.bytes, 100 MiB).
constexpr size_t kBytesMax = 128 * 1024 * 1024;

Status Refused(std::string detail) {
  // A getter may have thrown: its exception must be cleared before the next Node-API call.
  return Status::Error(kErrorInvalidArgument, std::move(detail));
}

void DropException(napi_env env) {
  bool pending = false;
  napi_value ignored = nullptr;
  if (napi_is_exception_pending(env, &pending) == napi_ok && pending) {
    (void)napi_get_and_clear_last_exception(env, &ignored);
  }
}

napi_valuetype TypeOf(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  if (value == nullptr || napi_typeof(env, value, &type) != napi_ok) return napi_undefined;
  return type;
}

bool GetMember(napi_env env, napi_value object, const char* name, napi_value* to) {
  if (TypeOf(env, object) != napi_object) return false;
  if (napi_get_named_property(env, object, name, to) == napi_ok) return true;
  DropException(env);
  return false;
}

bool ToInt64(napi_env env, napi_value from, int64_t* to) {
  bool lossless = false;
  return napi_get_value_bigint_int64(env, from, to, &lossless) == napi_ok && lossless;
}

// Names of the own enumerable members, without symbols.
bool OwnNames(napi_env env, napi_value object, napi_value* names, uint32_t* count) {
  const auto filter = static_cast<napi_key_filter>(napi_key_enumerable | napi_key_skip_symbols);
  if (napi_get_all_property_names(env, object, napi_key_own_only, filter,
                                  napi_key_numbers_to_strings, names) == napi_ok &&
      napi_get_array_length(env, *names, count) == napi_ok) {
    return true;
  }
  DropException(env);
  return false;
}

// Converts one argument. Counts the values, so that a hostile tree is refused.
class Reader {
 public:
  explicit Reader(napi_env env) : env_(env) {}

  Status Read(napi_value from, int depth, Value* to) {
    if (depth > kDepthMax || ++count_ > kValuesMax) return Refused("an argument is too large");
    switch (TypeOf(env_, from)) {
      case napi_undefined:
      case napi_null:
        return Status::Ok();
      case napi_boolean:
        return ReadBool(from, to);
      case napi_number:
        return ReadNumber(from, to);
      case napi_bigint:
        return ReadBigInt(from, to);
      case napi_string:
        return ReadString(from, to);
      case napi_object:
        return ReadTree(from, depth, to);
      default:
        return Refused("an argument holds a function, a symbol or an external");
    }
  }

 private:
  Status ReadBool(napi_value from, Value* to) {
    bool value = false;
    if (napi_get_value_bool(env_, from, &value) != napi_ok) return Unreadable();
    *to = Value(value);
    return Status::Ok();
  }

  Status ReadNumber(napi_value from, Value* to) {
    int32_t value = 0;
    if (!ToInt32(env_, from, &value)) {
      return Refused("a number is not a 32-bit integer; 64-bit integers are BigInts");
    }
    *to = Value::Int32(value);
    return Status::Ok();
  }

  Status ReadBigInt(napi_value from, Value* to) {
    int64_t value = 0;
    if (!ToInt64(env_, from, &value)) return Refused("a BigInt does not fit into 64 bits");
    *to = Value::Int64(value);
    return Status::Ok();
  }

  Status ReadString(napi_value from, Value* to) {
    std::string value;
    if (!ToString(env_, from, &value)) return Unreadable();
    *to = Value(std::move(value));
    return Status::Ok();
  }

  Status ReadTree(napi_value from, int depth, Value* to) {
    bool is_array = false;
    bool is_buffer = false;
    if (napi_is_array(env_, from, &is_array) != napi_ok ||
        napi_is_buffer(env_, from, &is_buffer) != napi_ok) {
      return Unreadable();
    }
    if (is_buffer) return ReadBytes(from, to);
    return is_array ? ReadArray(from, depth, to) : ReadObject(from, depth, to);
  }

  // A copy: JavaScript may change the Buffer while the call runs.
  Status ReadBytes(napi_value from, Value* to) {
    void* data = nullptr;
    size_t size = 0;
    if (napi_get_buffer_info(env_, from, &data, &size) != napi_ok) return Unreadable();
    if (size > kBytesMax) return Refused("a Buffer is too large");
    const auto* bytes = static_cast<const uint8_t*>(data);
    *to = Value(Value::Bytes(bytes, bytes + size));
    return Status::Ok();
  }

  Status ReadArray(napi_value from, int depth, Value* to) {
    uint32_t length = 0;
    if (napi_get_array_length(env_, from, &length) != napi_ok) return Unreadable();
    if (length > kValuesMax) return Refused("an argument is too large");
    Value::Array values(length);
    for (uint32_t i = 0; i < length; i++) {
      Napi::HandleScope scope(env_);
      napi_value element = nullptr;
      if (napi_get_element(env_, from, i, &element) != napi_ok) return Unreadable();
      if (Status status = Read(element, depth + 1, &values[i]); !status.ok()) return status;
    }
    *to = Value(std::move(values));
    return Status::Ok();
  }

  Status ReadObject(napi_value from, int depth, Value* to) {
    napi_value names = nullptr;
    uint32_t count = 0;
    if (!OwnNames(env_, from, &names, &count)) return Unreadable();
    Value::Object members(count);
    for (uint32_t i = 0; i < count; i++) {
      Napi::HandleScope scope(env_);
      napi_value name = nullptr;
      napi_value member = nullptr;
      if (napi_get_element(env_, names, i, &name) != napi_ok ||
          !ToString(env_, name, &members[i].name) ||
          napi_get_property(env_, from, name, &member) != napi_ok) {
        return Unreadable();
      }
      if (Status status = Read(member, depth + 1, &members[i].value); !status.ok()) return status;
    }
    *to = Value(std::move(members));
    return Status::Ok();
  }

  Status Unreadable() {
    DropException(env_);
    return Refused("an argument cannot be read");
  }

  napi_env env_;
  size_t count_ = 0;
};

bool FromArray(napi_env env, const Value::Array& values, napi_value* to) {
  if (napi_create_array_with_length(env, values.size(), to) != napi_ok) return false;
  for (size_t i = 0; i < values.size(); i++) {
    Napi::HandleScope scope(env);
    napi_value element = FromValue(env, values[i]);
    if (element == nullptr ||
        napi_set_element(env, *to, static_cast<uint32_t>(i), element) != napi_ok) {
      return false;
    }
  }
  return true;
}

bool FromObject(napi_env env, const Value::Object& members, napi_value* to) {
  if (napi_create_object(env, to) != napi_ok) return false;
  for (const Value::Member& member : members) {
    Napi::HandleScope scope(env);
    napi_value value = FromValue(env, member.value);
    if (value == nullptr ||
        napi_set_named_property(env, *to, member.name.c_str(), value) != napi_ok) {
      return false;
    }
  }
  return true;
}

}  // namespace

Status ToValue(napi_env env, napi_value from, Value* to) { return Reader(env).Read(from, 0, to); }

bool ToString(napi_env env, napi_value from, std::string* to) {
  size_t size = 0;
  if (napi_get_value_string_utf8(env, from, nullptr, 0, &size) != napi_ok) return false;
  to->resize(size);
  // Node-API writes a NUL after the text: std::string has room for it.
  return napi_get_value_string_utf8(env, from, to->data(), size + 1, &size) == napi_ok;
}

bool ToInt32(napi_env env, napi_value from, int32_t* to) {
  double value = 0;
  if (napi_get_value_double(env, from, &value) != napi_ok) return false;
  if (!(value >= INT32_MIN && value <= INT32_MAX) || value != std::trunc(value)) return false;
  *to = static_cast<int32_t>(value);
  return true;
}

Status ReadStringMap(napi_env env, napi_value from, std::map<std::string, std::string>* to) {
  napi_value names = nullptr;
  uint32_t count = 0;
  if (TypeOf(env, from) != napi_object || !OwnNames(env, from, &names, &count)) {
    return Refused("properties must be an object of strings");
  }
  for (uint32_t i = 0; i < count; i++) {
    Napi::HandleScope scope(env);
    napi_value name = nullptr;
    napi_value member = nullptr;
    std::string key;
    std::string text;
    if (napi_get_element(env, names, i, &name) != napi_ok || !ToString(env, name, &key) ||
        napi_get_property(env, from, name, &member) != napi_ok || !ToString(env, member, &text)) {
      DropException(env);
      return Refused("property \"" + key + "\" must be a string");
    }
    to->insert_or_assign(std::move(key), std::move(text));
  }
  return Status::Ok();
}

bool GetString(napi_env env, napi_value object, const char* name, std::string* to) {
  napi_value member = nullptr;
  return GetMember(env, object, name, &member) && ToString(env, member, to);
}

bool GetBool(napi_env env, napi_value object, const char* name, bool* to) {
  napi_value member = nullptr;
  return GetMember(env, object, name, &member) && napi_get_value_bool(env, member, to) == napi_ok;
}

bool GetInt32(napi_env env, napi_value object, const char* name, int32_t* to) {
  napi_value member = nullptr;
  return GetMember(env, object, name, &member) && ToInt32(env, member, to);
}

bool GetInt64(napi_env env, napi_value object, const char* name, int64_t* to) {
  napi_value member = nullptr;
  return GetMember(env, object, name, &member) && ToInt64(env, member, to);
}

bool GetObject(napi_env env, napi_value object, const char* name, napi_value* to) {
  return GetMember(env, object, name, to) && TypeOf(env, *to) == napi_object;
}

napi_value FromValue(napi_env env, const Value& value) {
  napi_value to = nullptr;
  bool made = false;
  if (value.is_null()) {
    made = napi_get_null(env, &to) == napi_ok;
  } else if (const bool* flag = value.AsBool()) {
    made = napi_get_boolean(env, *flag, &to) == napi_ok;
  } else if (const int32_t* small = value.AsInt32()) {
    made = napi_create_int32(env, *small, &to) == napi_ok;
  } else if (const int64_t* large = value.AsInt64()) {
    made = napi_create_bigint_int64(env, *large, &to) == napi_ok;
  } else if (const std::string* text = value.AsString()) {
    made = napi_create_string_utf8(env, text->data(), text->size(), &to) == napi_ok;
  } else if (const Value::Bytes* bytes = value.AsBytes()) {
    made = napi_create_buffer_copy(env, bytes->size(), bytes->data(), nullptr, &to) == napi_ok;
  } else if (const Value::Array* array = value.AsArray()) {
    made = FromArray(env, *array, &to);
  } else if (const Value::Object* object = value.AsObject()) {
    made = FromObject(env, *object, &to);
  }
  return made ? to : nullptr;
}

napi_value FromStatus(napi_env env, const Status& status) {
  return FromValue(
      env, Value::Object{{"code", Value::Int32(status.code)}, {"detail", Value(status.detail)}});
}

napi_value ThrowStatus(napi_env env, const Status& status) {
  napi_value failure = FromStatus(env, status);
  if (failure != nullptr) (void)napi_throw(env, failure);
  return nullptr;
}

bool ReadCall(napi_env env, napi_callback_info info, CallInfo* call) {
  size_t count = CallInfo::kArgumentsMax;
  napi_value new_target = nullptr;
  if (napi_get_cb_info(env, info, &count, call->arguments, &call->receiver, nullptr) != napi_ok ||
      napi_get_new_target(env, info, &new_target) != napi_ok) {
    return false;
  }
  call->is_new = new_target != nullptr;
  return true;
}

napi_value DefineClass(napi_env env, const char* name, napi_callback constructor,
                       std::span<const Method> methods) {
  std::vector<napi_property_descriptor> properties;
  for (const Method& method : methods) {
    properties.push_back({method.name, nullptr, method.callback, nullptr, nullptr, nullptr,
                          napi_default_method, nullptr});
  }
  napi_value defined = nullptr;
  (void)napi_define_class(env, name, NAPI_AUTO_LENGTH, constructor, nullptr, properties.size(),
                          properties.data(), &defined);
  return defined;
}

}  // namespace longhaul
