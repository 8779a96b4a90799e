// Prints as one line of JSON what Kafka's own MirrorClient finds on a cluster. Arguments: properties
// of the client as NAME=VALUE, then after "--" the aliases whose distance is asked for, and ALIAS/GROUP
// for what the checkpoints from ALIAS say of a consumer group.

import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.kafka.connect.mirror.MirrorClient;

public class MirrorClientReport {
    public static void main(String[] args) throws Exception {
        Map<String, Object> properties = new HashMap<>();
        int at = 0;
        for (; at < args.length && !args[at].equals("--"); at++) {
            String[] parts = args[at].split("=", 2);
            properties.put(parts[0], parts[1]);
        }
        MirrorClient client = new MirrorClient(properties);
        try {
            Map<String, Integer> hops = new TreeMap<>();
            Map<String, String> groups = new TreeMap<>();
            for (at++; at < args.length; at++) {
                String[] of = args[at].split("/", 2);
                if (of.length == 2) groups.put(args[at], offsets(client, of[0], of[1]));
                else hops.put(args[at], client.replicationHops(args[at]));
            }
            System.out.println("{\"heartbeatTopics\":" + list(client.heartbeatTopics())
                + ",\"upstreamClusters\":" + list(client.upstreamClusters())
                + ",\"remoteTopics\":" + list(client.remoteTopics())
                + ",\"hops\":{" + hops.entrySet().stream()
                    .map(hop -> quoted(hop.getKey()) + ":" + hop.getValue())
                    .collect(Collectors.joining(",")) + "}"
                + ",\"groups\":{" + groups.entrySet().stream()
                    .map(group -> quoted(group.getKey()) + ":" + group.getValue())
                    .collect(Collectors.joining(",")) + "}}");
        } finally {
            client.close();
        }
    }

    private static String offsets(MirrorClient client, String alias, String group) {
        return client.remoteConsumerOffsets(group, alias, Duration.ofMinutes(1)).entrySet().stream()
            .map(each -> quoted(each.getKey() + " " + each.getValue().offset() + " "
                + each.getValue().metadata()))
            .sorted().collect(Collectors.joining(",", "[", "]"));
    }

    private static String list(Collection<String> names) {
        return names.stream().sorted().map(MirrorClientReport::quoted)
            .collect(Collectors.joining(",", "[", "]"));
    }

    private static String quoted(String name) {
        return "\"" + name + "\"";
    }
}
