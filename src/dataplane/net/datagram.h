// One datagram to a Unix socket, which Node.js cannot send: systemd's NOTIFY_SOCKET is one.
#pragma once

#include <string_view>

namespace longhaul {

// A path that begins with `@` names an abstract socket. Never waits. Returns 0, or the errno.
int SendDatagram(std::string_view path, std::string_view text);

}  // namespace longhaul
