// Prints what MirrorMaker 2 makes of properties files: one JSON question a line on stdin, one JSON
// answer a line on stdout. In the package of MirrorMaker 2, whose methods are not public. Starts no
// connector and opens no connection.
package org.apache.kafka.connect.mirror;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.StringReader;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigValue;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.connect.connector.Connector;
import org.apache.kafka.connect.connector.policy.AllConnectorClientConfigOverridePolicy;
import org.apache.kafka.connect.runtime.ConnectorConfig;
import org.apache.kafka.connect.runtime.Worker;
import org.apache.kafka.connect.runtime.WorkerConfig;
import org.apache.kafka.connect.runtime.distributed.DistributedConfig;
import org.apache.kafka.connect.runtime.isolation.Plugins;

public final class MirrorMakerOracle {
    private static final ObjectMapper JSON = new ObjectMapper();
    // Other ways of discovery search the class path for a second, and find the same classes.
    private static final String DISCOVERY = "service_load";
    private static final Plugins PLUGINS = new Plugins(Map.of("plugin.discovery", DISCOVERY));

    public static void main(String[] args) throws Exception {
        PrintStream out = System.out;
        // A library that prints would break the answers.
        System.setOut(System.err);
        BufferedReader in =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            byte[] answer = JSON.writeValueAsBytes(answer(JSON.readTree(line)));
            out.write(answer, 0, answer.length);
            out.write('\n');
            out.flush();
        }
    }

    private static Map<String, Object> answer(JsonNode question) {
        Map<String, Object> answer = new LinkedHashMap<>();
        try {
            MirrorMakerConfig config = new MirrorMakerConfig(read(question.get("file").asText()));
            List<Object> pairs = new ArrayList<>();
            for (SourceAndTarget pair : config.clusterPairs()) {
                pairs.add(pairAnswer(config, pair, question));
            }
            answer.put("pairs", pairs);
        } catch (Throwable refusal) {
            answer.put("refused", text(refusal));
        }
        return answer;
    }

    private static Map<String, String> read(String file) throws Exception {
        Properties properties = new Properties();
        properties.load(new StringReader(file));
        Map<String, String> strings = new LinkedHashMap<>(Utils.propsToStringMap(properties));
        strings.put("plugin.discovery", DISCOVERY);
        return strings;
    }

    private static Map<String, Object> pairAnswer(
        MirrorMakerConfig config, SourceAndTarget pair, JsonNode question
    ) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("source", pair.source());
        answer.put("target", pair.target());
        // As MirrorMaker 2 reads it before it starts the connectors of the pair.
        answer.put("enabled", Boolean.parseBoolean(
            config.originalsStrings().get(pair + ".enabled")));
        try {
            WorkerConfig worker = new DistributedConfig(config.workerConfig(pair));
            Map<String, String> properties =
                config.transform(config.connectorBaseConfig(pair, MirrorSourceConnector.class));
            MirrorSourceConfig source = new MirrorSourceConfig(properties);
            if (!source.enabled()) return answer;
            validate(new MirrorSourceConnector(), properties);
            schedule(source.syncTopicAclsInterval(), source.syncTopicConfigsInterval(),
                source.refreshTopicsInterval());
            List<String> refused = refusedConnectors(config, pair);
            if (!refused.isEmpty()) {
                answer.put("refusedConnectors", refused);
                return answer;
            }
            Map<String, Object> settings = settings(source, properties);
            settings.put("offsetStorageFactor",
                worker.getShort(DistributedConfig.OFFSET_STORAGE_REPLICATION_FACTOR_CONFIG));
            settings.put("offsetsTopic",
                worker.getString(DistributedConfig.OFFSET_STORAGE_TOPIC_CONFIG));
            settings.put("workerGroup", worker.getString(DistributedConfig.GROUP_ID_CONFIG));
            answer.put("settings", settings);
            answer.put("clients", clients(source, properties, worker));
            names(answer, source, properties, question);
        } catch (Throwable refusal) {
            answer.put("refused", text(refusal));
        }
        return answer;
    }

    /** Connectors without which MirrorMaker 2 mirrors records, after an error in its log. */
    private static List<String> refusedConnectors(
        MirrorMakerConfig config, SourceAndTarget pair
    ) {
        List<String> refused = new ArrayList<>();
        for (Connector connector : new Connector[] {
            new MirrorCheckpointConnector(), new MirrorHeartbeatConnector()
        }) {
            Map<String, String> properties = config.transform(
                config.connectorBaseConfig(pair, connector.getClass()));
            try {
                validate(connector, properties);
                if (connector instanceof MirrorCheckpointConnector) {
                    schedule(new MirrorCheckpointConfig(properties).refreshGroupsInterval());
                }
            } catch (Throwable refusal) {
                refused.add(connector.getClass().getSimpleName());
            }
        }
        return refused;
    }

    /** As the connectors' start(), which fails with an interval that cannot be scheduled. */
    private static void schedule(Duration... intervals) {
        try (Scheduler scheduler = new Scheduler("oracle", Duration.ofSeconds(1))) {
            for (Duration interval : intervals) {
                scheduler.scheduleRepeatingDelayed(() -> {}, interval, "nothing");
            }
        }
    }

    private static void validate(Connector connector, Map<String, String> properties) {
        for (ConfigValue value : connector.validate(properties).configValues()) {
            if (!value.errorMessages().isEmpty()) {
                throw new IllegalArgumentException(value.errorMessages().get(0));
            }
        }
    }

    /** Intervals in milliseconds, negative: switched off. */
    private static Map<String, Object> settings(
        MirrorSourceConfig source, Map<String, String> properties
    ) {
        MirrorCheckpointConfig checkpoint = new MirrorCheckpointConfig(properties);
        Map<String, Object> settings = new LinkedHashMap<>();
        settings.put("sourceAlias", source.sourceClusterAlias());
        settings.put("targetAlias", source.targetClusterAlias());
        settings.put("replicationFactor", source.replicationFactor());
        settings.put("adminTimeoutMs", source.adminTimeout().toMillis());
        settings.put("refreshTopicsMs", source.refreshTopicsInterval().toMillis());
        settings.put("syncTopicConfigsMs", source.syncTopicConfigsInterval().toMillis());
        settings.put("syncTopicAclsMs", source.syncTopicAclsInterval().toMillis());
        settings.put("refreshGroupsMs", checkpoint.refreshGroupsInterval().toMillis());
        settings.put("replicatesHeartbeats", source.heartbeatsReplicationEnabled());
        settings.put("emitCheckpointsMs", checkpoint.emitCheckpointsInterval().toMillis());
        settings.put("syncGroupOffsetsMs", checkpoint.syncGroupOffsetsInterval().toMillis());
        settings.put("emitHeartbeatsMs",
            new MirrorHeartbeatConfig(properties).emitHeartbeatsInterval().toMillis());
        return settings;
    }

    private static Map<String, Object> clients(
        MirrorSourceConfig source, Map<String, String> properties, WorkerConfig worker
    ) throws Exception {
        var produce = Worker.class.getDeclaredMethod("baseProducerConfigs", String.class,
            String.class, WorkerConfig.class, ConnectorConfig.class, Class.class,
            org.apache.kafka.connect.connector.policy.ConnectorClientConfigOverridePolicy.class,
            String.class);
        produce.setAccessible(true);
        @SuppressWarnings("unchecked")
        Map<String, Object> producer = (Map<String, Object>) produce.invoke(null, "connector",
            "client", worker, new ConnectorConfig(PLUGINS, properties),
            MirrorSourceConnector.class, new AllConnectorClientConfigOverridePolicy(), "id");
        Map<String, Object> consumer = source.sourceConsumerConfig("role");
        Map<String, Object> deserialized = new TreeMap<>(consumer);
        for (String part : new String[] {"key", "value"}) {
            deserialized.put(part + ".deserializer",
                "org.apache.kafka.common.serialization.ByteArrayDeserializer");
        }
        new ConsumerConfig(deserialized);
        new ProducerConfig(producer);
        new AdminClientConfig(source.sourceAdminConfig("role"));
        new AdminClientConfig(source.targetAdminConfig("role"));
        Map<String, Object> clients = new LinkedHashMap<>();
        clients.put("consumer", known(consumer, ConsumerConfig.configNames()));
        clients.put("producer", known(producer, ProducerConfig.configNames()));
        clients.put("sourceAdmin",
            known(source.sourceAdminConfig("role"), AdminClientConfig.configNames()));
        clients.put("targetAdmin",
            known(source.targetAdminConfig("role"), AdminClientConfig.configNames()));
        return clients;
    }

    private static Map<String, String> known(Map<String, Object> properties, Set<String> names) {
        Map<String, String> known = new TreeMap<>();
        for (Map.Entry<String, Object> each : properties.entrySet()) {
            boolean isKnown = names.contains(each.getKey()) && each.getValue() != null;
            if (isKnown) known.put(each.getKey(), each.getValue().toString().trim());
        }
        return known;
    }

    private static void names(
        Map<String, Object> answer, MirrorSourceConfig source, Map<String, String> properties,
        JsonNode question
    ) {
        ReplicationPolicy policy = source.replicationPolicy();
        MirrorCheckpointConfig checkpoint = new MirrorCheckpointConfig(properties);
        answer.put("internalTopics", List.of(
            policy.heartbeatsTopic(), checkpoint.checkpointsTopic(), source.offsetSyncsTopic()));
        MirrorSourceConnector connector = new MirrorSourceConnector(
            new SourceAndTarget(source.sourceClusterAlias(), source.targetClusterAlias()), policy,
            source.topicFilter(), source.configPropertyFilter(),
            source.heartbeatsReplicationEnabled());
        Map<String, Object> topics = new LinkedHashMap<>();
        for (JsonNode each : question.get("topics")) {
            String topic = each.asText();
            Map<String, Object> view = new LinkedHashMap<>();
            view.put("isMirrored", connector.shouldReplicateTopic(topic));
            view.put("remote", connector.formatRemoteTopic(topic));
            view.put("source", policy.topicSource(topic));
            view.put("upstream", policy.upstreamTopic(topic));
            view.put("isInternal", policy.isInternalTopic(topic));
            topics.put(topic, view);
        }
        answer.put("topics", topics);
        answer.put("groups", matching(question.get("groups"),
            checkpoint.groupFilter()::shouldReplicateGroup));
        answer.put("configProperties", matching(question.get("configProperties"),
            connector::shouldReplicateTopicConfigurationProperty));
    }

    private static List<String> matching(JsonNode names, Predicate<String> isMirrored) {
        List<String> matching = new ArrayList<>();
        for (JsonNode name : names) {
            if (isMirrored.test(name.asText())) matching.add(name.asText());
        }
        return matching;
    }

    private static String text(Throwable refusal) {
        Throwable cause = refusal;
        while (cause instanceof InvocationTargetException && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause.getClass().getSimpleName() + ": " + cause.getMessage();
    }
}
