// The tree of values for admin arguments and results, and its reader.
#include "kafka/value.h"

#include <doctest/doctest.h>

namespace longhaul {
namespace {

Value Arguments() {
  return Value::Object{{"name", "orders"},
                       {"count", Value::Int32(3)},
                       {"offset", Value::Int64(3)},
                       {"flag", true},
                       {"list", Value::Array{Value("a"), Value("b")}},
                       {"nothing", Value()},
                       {"broken", Value(std::string("a\0b", 3))}};
}

TEST_CASE("a value shows its kind, and distinguishes the two kinds of number") {
  const Value arguments = Arguments();
  CHECK(arguments.Find("count")->AsInt32() != nullptr);
  CHECK(arguments.Find("count")->AsInt64() == nullptr);
  CHECK(arguments.Find("offset")->AsInt64() != nullptr);
  CHECK(arguments.Find("offset")->AsInt32() == nullptr);
  CHECK(arguments.Find("name")->AsBool() == nullptr);
  CHECK(arguments.Find("nothing")->is_null());
  CHECK(arguments.Find("missing") == nullptr);
  CHECK(arguments.Find("name")->Find("name") == nullptr);
}

TEST_CASE("a C string that is NULL is null, not text") {
  const char* unset = nullptr;
  CHECK(Value(unset).is_null());
  CHECK(*Value("").AsString() == "");
}

TEST_CASE("bytes are neither text nor a list, and the reader refuses other kinds for them") {
  const Value arguments = Value::Object{{"body", Value::Bytes{0, 255, 0}}, {"text", "body"}};
  CHECK(arguments.Find("body")->AsString() == nullptr);
  CHECK(arguments.Find("body")->AsArray() == nullptr);
  ValueReader reader(arguments);
  CHECK(reader.Bytes("body") == Value::Bytes{0, 255, 0});
  CHECK(reader.error().empty());
  CHECK(reader.Bytes("text").empty());
  CHECK(reader.error() == "text must be a Buffer");
}

TEST_CASE("the reader returns the fields that it finds") {
  const Value arguments = Arguments();
  ValueReader reader(arguments);
  CHECK(reader.String("name") == "orders");
  CHECK(reader.Int32("count") == 3);
  CHECK(reader.Int64("offset") == 3);
  CHECK(reader.Bool("flag"));
  CHECK(reader.Array("list").size() == 2);
  CHECK(reader.OptionalString("nothing").is_null());
  CHECK(reader.OptionalString("missing").is_null());
  CHECK(*reader.OptionalString("name").AsString() == "orders");
  CHECK(reader.error().empty());
}

TEST_CASE("the reader keeps the first error and continues with defaults") {
  const Value arguments = Arguments();
  ValueReader reader(arguments);
  CHECK(reader.Int32("offset") == 0);
  CHECK(reader.String("missing").empty());
  CHECK(reader.error() == "offset must be a 32-bit integer number");
}

TEST_CASE("the reader refuses text that a C string would truncate") {
  const Value arguments = Arguments();
  ValueReader reader(arguments);
  CHECK(reader.String("broken").empty());
  CHECK(reader.error() == "broken must be free of NUL");
}

TEST_CASE("the reader refuses to read anything but an object") {
  const Value list = Value::Array{};
  ValueReader reader(list);
  CHECK_FALSE(reader.Bool("flag"));
  CHECK(reader.error() == "flag must be a boolean");
}

}  // namespace
}  // namespace longhaul
