// Assertions of the core. An assertion that fails is an error in the program. The process then ends
// with a line on stderr rather than mirror wrong records, and the next process resumes exactly.
#pragma once

#include <string>

namespace longhaul {

// Ends the process. Tests check how a child process ends.
[[noreturn]] void FailAssertion(const std::string& what);

inline void Assert(bool holds, const char* what) {
  if (!holds) FailAssertion(what);
}

}  // namespace longhaul
