// Properties -> a configured librdkafka client. The one place where properties meet librdkafka, for
// the forwarder and for admin calls alike, so that both have the same security and the same errors.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/status.h"
#include "kafka/handles.h"

namespace longhaul {

using ClientProperties = std::map<std::string, std::string>;

// As librdkafka prints it: 2.12.0.
const char* LibrdkafkaVersion();

// True where the value of this property must never be shown, logged or put into an error.
bool IsSecretProperty(std::string_view name);

// Creates a configuration with all properties set, logging to stderr off, and sockets that find a
// dead peer by themselves (keepalive, TCP_USER_TIMEOUT). On success the caller owns *out. An error
// names the property and, unless it is a secret, its value.
Status BuildClientConfig(const ClientProperties& properties, rd_kafka_conf_t** out);

// Creates the client; owns the configuration afterwards in any case.
Status OpenClient(rd_kafka_type_t type, ConfHandle conf, ClientHandle* out);

// Sets the token for SASL OAUTHBEARER, for connections opened or re-authenticated from now on. The
// caller replaces it in time: librdkafka does not know when it expires. Connections wait for the
// first token.
Status SetToken(rd_kafka_t* client, const std::string& token);

}  // namespace longhaul
