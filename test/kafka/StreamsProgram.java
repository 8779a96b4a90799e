// A Kafka Streams application that prints the values of a topic, one a line, and ends once it has
// printed so many. Arguments: properties of the application as NAME=VALUE, then "--", the topic and
// the number.

import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;

public class StreamsProgram {
    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        int at = 0;
        for (; !args[at].equals("--"); at++) {
            String[] parts = args[at].split("=", 2);
            properties.put(parts[0], parts[1]);
        }
        int wanted = Integer.parseInt(args[at + 2]);
        AtomicInteger printed = new AtomicInteger();
        CountDownLatch done = new CountDownLatch(1);
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(args[at + 1], Consumed.with(Serdes.ByteArray(), Serdes.String()))
            .foreach((key, value) -> {
                System.out.println(value);
                if (printed.incrementAndGet() == wanted) done.countDown();
            });
        KafkaStreams streams = new KafkaStreams(builder.build(), properties);
        streams.start();
        boolean inTime = done.await(60, TimeUnit.SECONDS);
        streams.close(Duration.ofSeconds(20));
        System.exit(inTime ? 0 : 1);
    }
}
