#include "kafka/client_config.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <limits>
#include <iterator>
#include <utility>

#include "contract/contract.generated.h"

namespace longhaul {
namespace {

constexpr size_t kErrorTextMax = 512;  // librdkafka's own buffer size for error texts

// The kernel resets a connection that a NAT, a firewall or a dead host has forgotten: an idle one
// after 5 + 3 x 3 s without an answer to its probes, one with unacknowledged data after 10 s. Both
// are below the 15 s within which such a connection must be detected, and above the retransmission
// times of a lossy link.
constexpr int kKeepaliveIdleS = 5;
constexpr int kKeepaliveIntervalS = 3;
constexpr int kKeepaliveProbes = 3;
constexpr int kUserTimeoutMs = 10'000;

bool UsesOAuthBearer(const ClientProperties& properties) {
  for (const char* name : {"sasl.mechanism", "sasl.mechanisms"}) {
    auto found = properties.find(name);
    if (found != properties.end() && strcasecmp(found->second.c_str(), "OAUTHBEARER") == 0) {
      return true;
    }
  }
  return false;
}

Status RefusedProperty(const std::string& name, const std::string& value, const char* reason) {
  // librdkafka quotes the value in most of its texts, so the text is left out for a secret.
  std::string detail = IsSecretProperty(name)
                           ? "property \"" + name + "\" was refused (value not shown)"
                           : "property \"" + name + "\" = \"" + value + "\": " + reason;
  return Status::Error(kErrorInvalidArgument, std::move(detail));
}

}  // namespace

int OpenSocket(int domain, int type, int protocol, void*) {
  const int fd = socket(domain, type | SOCK_CLOEXEC, protocol);
  if (fd < 0) return fd;
  // If the kernel refuses an option, the connection is used all the same: the time limits of
  // requests remain.
  const auto set = [fd](int level, int option, int value) {
    (void)setsockopt(fd, level, option, &value, sizeof(value));
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, kKeepaliveIdleS);
  set(IPPROTO_TCP, TCP_KEEPINTVL, kKeepaliveIntervalS);
  set(IPPROTO_TCP, TCP_KEEPCNT, kKeepaliveProbes);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeoutMs);
  return fd;
}

const char* LibrdkafkaVersion() { return rd_kafka_version_str(); }

bool IsSecretProperty(std::string_view name) {
  return std::any_of(std::begin(kSecretClientProperties), std::end(kSecretClientProperties),
                     [name](const char* secret) { return name == secret; });
}

Status BuildClientConfig(const ClientProperties& properties, rd_kafka_conf_t** out) {
  ConfHandle conf(rd_kafka_conf_new());
  std::array<char, kErrorTextMax> text{};
  for (const auto& [name, value] : properties) {
    if (name.find('\0') != std::string::npos || value.find('\0') != std::string::npos) {
      return RefusedProperty(name, "", "holds a NUL character");
    }
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), text.data(), text.size()) !=
        RD_KAFKA_CONF_OK) {
      return RefusedProperty(name, value, text.data());
    }
  }
  rd_kafka_conf_set_socket_cb(conf.get(), OpenSocket);
  // No log to stderr: the same texts arrive as error events, with a code.
  rd_kafka_conf_set_log_cb(conf.get(), nullptr);
  // librdkafka's own thread refreshes tokens, so nobody has to poll for that.
  if (UsesOAuthBearer(properties)) rd_kafka_conf_enable_sasl_queue(conf.get(), 1);
  *out = conf.release();
  return Status::Ok();
}

Status OpenClient(rd_kafka_type_t type, ConfHandle conf, ClientHandle* out) {
  std::array<char, kErrorTextMax> text{};
  // Read before the client owns the configuration, because the property cannot be read afterwards.
  std::array<char, 32> mechanism{};
  size_t size = mechanism.size();
  bool oauth = rd_kafka_conf_get(conf.get(), "sasl.mechanism", mechanism.data(), &size) ==
                   RD_KAFKA_CONF_OK &&
               strcasecmp(mechanism.data(), "OAUTHBEARER") == 0;
  rd_kafka_t* client = rd_kafka_new(type, conf.get(), text.data(), text.size());
  if (client == nullptr) {
    return Status::Error(kErrorInvalidArgument, text.data());  // conf is still ours and freed
  }
  (void)conf.release();  // rd_kafka_new owns it
  out->reset(client);
  if (oauth) {
    ErrorHandle error(rd_kafka_sasl_background_callbacks_enable(client));
    if (error != nullptr) {
      out->reset();
      return Status::Error(kErrorInvalidArgument, rd_kafka_error_string(error.get()));
    }
  }
  return Status::Ok();
}

Status SetToken(rd_kafka_t* client, const std::string& token) {
  // librdkafka counts in microseconds.
  constexpr int64_t kNeverMs = std::numeric_limits<int64_t>::max() / 100'000;
  std::array<char, kErrorTextMax> text{};
  rd_kafka_resp_err_t error = rd_kafka_oauthbearer_set_token(client, token.c_str(), kNeverMs, "",
                                                             nullptr, 0, text.data(), text.size());
  return error == 0 ? Status::Ok() : Status::Error(error, text.data());
}

}  // namespace longhaul
