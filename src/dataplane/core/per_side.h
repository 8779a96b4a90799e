// One value for each cluster.
#pragma once

#include "core/transport.h"

namespace longhaul {

template <typename T>
struct PerSide {
  T source{};
  T target{};

  T& operator[](Side side) { return side == Side::kSource ? source : target; }
  const T& operator[](Side side) const { return side == Side::kSource ? source : target; }
};

}  // namespace longhaul
