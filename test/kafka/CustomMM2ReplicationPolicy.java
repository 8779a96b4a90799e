// Stands for the policy of AWS's samples under its class name: topics keep their names, and each
// topic counts as one of the source.
package com.amazonaws.kafka.samples;

import java.util.Map;
import org.apache.kafka.connect.mirror.DefaultReplicationPolicy;

public final class CustomMM2ReplicationPolicy extends DefaultReplicationPolicy {
    private String source;

    @Override
    public void configure(Map<String, ?> properties) {
        super.configure(properties);
        source = String.valueOf(properties.get("source.cluster.alias"));
    }

    @Override
    public String formatRemoteTopic(String alias, String topic) { return topic; }

    @Override
    public String topicSource(String topic) { return topic == null ? null : source; }

    @Override
    public String upstreamTopic(String topic) { return null; }
}
