// Properties -> a configured librdkafka client. The forwarder and the admin calls both use this
// file, so that both have the same security and the same errors.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/status.h"
#include "kafka/handles.h"

namespace longhaul {

using ClientProperties = std::map<std::string, std::string>;

// The version as librdkafka prints it: 2.12.0.
const char* LibrdkafkaVersion();

// True if the value of this property must never be shown, logged or part of an error.
bool IsSecretProperty(std::string_view name);

// Creates a configuration with all properties set, without logging to stderr, and with sockets that
// detect a dead peer (keepalive, TCP_USER_TIMEOUT). On success the caller owns *out. An error names
// the property and, unless it is a secret, its value.
Status BuildClientConfig(const ClientProperties& properties, rd_kafka_conf_t** out);

// Creates the client. Owns the configuration, also after an error.
Status OpenClient(rd_kafka_type_t type, ConfHandle conf, ClientHandle* out);

// Sets the token for SASL OAUTHBEARER, for connections that are opened or re-authenticated from now
// on. The caller must replace the token before it expires: librdkafka does not know when that is.
// Connections wait for the first token.
Status SetToken(rd_kafka_t* client, const std::string& token);

}  // namespace longhaul
