// Life signs for a service manager: the sd_notify protocol, a datagram of lines to the socket named by NOTIFY_SOCKET.
#pragma once

#include <string_view>

namespace caronte::master {

// "READY=1", "STOPPING=1", "WATCHDOG=1" ...; nothing happens without NOTIFY_SOCKET, and nothing waits.
void notify(std::string_view state);
// RELOADING=1 wants the monotonic time beside it.
void notify_reloading();

}  // namespace caronte::master
