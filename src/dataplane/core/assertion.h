// Assertions of the core. An assertion that fails is an error of the program: the process ends with
// a line on stderr rather than mirroring wrong records, and the next one resumes exactly.
#pragma once

#include <string>

namespace longhaul {

// Ends the process. Tests look at the exit of a child process.
[[noreturn]] void FailAssertion(const std::string& what);

inline void Assert(bool holds, const char* what) {
  if (!holds) FailAssertion(what);
}

}  // namespace longhaul
