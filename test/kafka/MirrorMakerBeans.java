// Runs MirrorMaker 2 with the properties file that is its argument, and for each line on stdin
// prints the JMX beans of its connectors and consumers as one line of JSON: by name, the key
// properties in their order and the attributes. Ends with stdin.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import javax.management.MBeanAttributeInfo;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.apache.kafka.connect.mirror.MirrorMaker;

public class MirrorMakerBeans {
    private static final String[] NAMES = {
        "kafka.connect.mirror:type=Mirror*,*", "kafka.consumer:type=consumer-fetch-manager-metrics,*"
    };

    public static void main(String[] args) throws Exception {
        PrintStream out = System.out;
        // A library that prints would break the answers.
        System.setOut(System.err);
        Thread mirrorMaker = new Thread(() -> MirrorMaker.main(args));
        mirrorMaker.setDaemon(true);
        mirrorMaker.start();
        BufferedReader in =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println("[" + String.join(",", beans()) + "]");
            out.flush();
        }
        Runtime.getRuntime().halt(0);
    }

    private static List<String> beans() throws Exception {
        MBeanServer server = ManagementFactory.getPlatformMBeanServer();
        List<String> beans = new ArrayList<>();
        for (String pattern : NAMES) {
            for (ObjectName name : server.queryNames(new ObjectName(pattern), null)) {
                List<String> attributes = new ArrayList<>();
                for (MBeanAttributeInfo attribute : server.getMBeanInfo(name).getAttributes()) {
                    attributes.add(quoted(attribute.getName()));
                }
                beans.add("{\"domain\":" + quoted(name.getDomain())
                    + ",\"properties\":" + quoted(name.getKeyPropertyListString())
                    + ",\"attributes\":[" + String.join(",", attributes) + "]}");
            }
        }
        return beans;
    }

    private static String quoted(String text) {
        return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
    }
}
