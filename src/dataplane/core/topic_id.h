// The id of a topic as text: sixteen bytes in the URL-safe base64 of Kafka's Uuid, without padding.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/transport.h"

namespace longhaul {

constexpr size_t kTopicIdDigits = 22;

// The bytes by which responses name a topic.
inline std::string_view BytesOf(const TopicId& id) {
  return {reinterpret_cast<const char*>(id.data()), id.size()};
}

// False: the text is no id.
inline bool ParseTopicId(std::string_view text, TopicId* id) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  if (text.size() != kTopicIdDigits) return false;
  uint32_t bits = 0;
  int held = 0;
  size_t next = 0;
  for (const char c : text) {
    const size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return false;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    (*id)[next++] = static_cast<uint8_t>(bits >> held);
  }
  return true;
}

}  // namespace longhaul
