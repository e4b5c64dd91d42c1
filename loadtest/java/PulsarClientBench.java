import com.fasterxml.jackson.databind.JsonNode;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.pulsar.client.api.BatchReceivePolicy;
import org.apache.pulsar.client.api.Consumer;
import org.apache.pulsar.client.api.ConsumerBuilder;
import org.apache.pulsar.client.api.Message;
import org.apache.pulsar.client.api.Messages;
import org.apache.pulsar.client.api.Producer;
import org.apache.pulsar.client.api.PulsarClient;
import org.apache.pulsar.client.api.Schema;
import org.apache.pulsar.client.api.SubscriptionInitialPosition;
import pharos.JsonLines;

/** The official Java client under the measurements of the bench. Options are those of pulsar-client.ts beside it. */
public final class PulsarClientBench {
  private static final int IDLE_SECONDS = 30;
  private static PulsarClient client;

  public static void main(String[] args) throws Exception {
    JsonLines.serve(
        Map.of(
            "open", PulsarClientBench::open,
            "produce", PulsarClientBench::produce,
            "consume", PulsarClientBench::consume,
            "latency", PulsarClientBench::latency));
    if (client != null) client.close();
  }

  private static Object open(JsonNode params) throws Exception {
    client = PulsarClient.builder().serviceUrl(params.get("serviceUrl").asText()).build();
    return null;
  }

  private static Object produce(JsonNode params) throws Exception {
    int count = params.get("count").asInt();
    int payloadBytes = params.get("payloadBytes").asInt();
    JsonNode options = params.get("options");
    try (Producer<byte[]> producer =
        client
            .newProducer(Schema.BYTES)
            .topic(params.get("topic").asText())
            .enableBatching(true)
            .batchingMaxMessages(options.get("batchMessages").asInt())
            .batchingMaxBytes(options.get("batchBytes").asInt())
            .batchingMaxPublishDelay(options.get("batchDelayMs").asInt(), TimeUnit.MILLISECONDS)
            .maxPendingMessages(options.get("pendingMessages").asInt())
            .blockIfQueueFull(true)
            .create()) {
      long start = System.nanoTime();
      CompletableFuture<?> last = null;
      CountDownLatch acknowledged = new CountDownLatch(count);
      for (int sequence = 0; sequence < count; sequence++) {
        last = producer.sendAsync(payload(sequence, payloadBytes)).thenRun(acknowledged::countDown);
      }
      producer.flush();
      last.get(IDLE_SECONDS, TimeUnit.SECONDS);
      if (!acknowledged.await(IDLE_SECONDS, TimeUnit.SECONDS)) {
        throw new IllegalStateException(acknowledged.getCount() + " messages were not acknowledged");
      }
      return Map.of("seconds", (System.nanoTime() - start) / 1e9);
    }
  }

  private static Object consume(JsonNode params) throws Exception {
    int count = params.get("count").asInt();
    String how = params.get("how").asText();
    Check check = new Check(count);
    long start = System.nanoTime();
    Consumer<byte[]> consumer;
    if (how.equals("listener")) {
      CountDownLatch done = new CountDownLatch(1);
      consumer =
          consumer(params)
              .messageListener((from, message) -> {
                check.accept(message);
                if (check.complete()) done.countDown();
              })
              .subscribe();
      done.await(2 * IDLE_SECONDS, TimeUnit.SECONDS);
    } else {
      consumer = consumer(params).subscribe();
      while (!check.complete() && (how.equals("batch") ? takeBatch(consumer, check) : takeOne(consumer, check))) {}
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    consumer.unsubscribe();
    consumer.close();
    return Map.of("seconds", seconds, "checked", check.result());
  }

  private static ConsumerBuilder<byte[]> consumer(JsonNode params) {
    JsonNode options = params.get("options");
    return client
        .newConsumer(Schema.BYTES)
        .topic(params.get("topic").asText())
        .subscriptionName(params.get("subscription").asText())
        .subscriptionInitialPosition(SubscriptionInitialPosition.Earliest)
        .receiverQueueSize(options.get("queueMessages").asInt())
        .batchReceivePolicy(
            BatchReceivePolicy.builder()
                .maxNumMessages(options.get("batchMessages").asInt())
                .maxNumBytes(options.get("batchBytes").asInt())
                .timeout(options.get("batchTimeoutMs").asInt(), TimeUnit.MILLISECONDS)
                .build());
  }

  private static boolean takeOne(Consumer<byte[]> consumer, Check check) throws Exception {
    Message<byte[]> message = consumer.receive(IDLE_SECONDS, TimeUnit.SECONDS);
    if (message == null) return false;
    check.accept(message);
    return true;
  }

  private static boolean takeBatch(Consumer<byte[]> consumer, Check check) throws Exception {
    Messages<byte[]> messages = consumer.batchReceive();
    for (Message<byte[]> message : messages) check.accept(message);
    // An empty one came by its time: nothing is left, as far as this measurement goes.
    return messages.size() > 0 || consumer.isConnected() && check.mayWait();
  }

  private static Object latency(JsonNode params) throws Exception {
    int count = params.get("count").asInt();
    int payloadBytes = params.get("payloadBytes").asInt();
    long interval = 1_000_000_000L / params.get("perSecond").asInt();
    long[] sentAt = new long[count];
    double[] micros = new double[count];
    Check check = new Check(count);
    CountDownLatch done = new CountDownLatch(1);
    try (Consumer<byte[]> consumer =
            consumer(params)
                .messageListener((from, message) -> {
                  long now = System.nanoTime();
                  int sequence = check.accept(message);
                  micros[sequence] = (now - sentAt[sequence]) / 1e3;
                  if (check.complete()) done.countDown();
                })
                .subscribe();
        Producer<byte[]> producer =
            client.newProducer(Schema.BYTES).topic(params.get("topic").asText()).enableBatching(false).create()) {
      long start = System.nanoTime();
      for (int sequence = 0; sequence < count; sequence++) {
        long at = start + sequence * interval;
        for (long wait = at - System.nanoTime(); wait > 0; wait = at - System.nanoTime()) LockSupport.parkNanos(wait);
        byte[] payload = payload(sequence, payloadBytes);
        sentAt[sequence] = System.nanoTime();
        producer.sendAsync(payload);
      }
      done.await(IDLE_SECONDS, TimeUnit.SECONDS);
    }
    Arrays.sort(micros);
    return Map.of(
        "p50", micros[count / 2], "p99", micros[(int) (count * 0.99)], "checked", check.result());
  }

  private static byte[] payload(int sequence, int bytes) {
    byte[] payload = new byte[bytes];
    ByteBuffer.wrap(payload).putInt(sequence);
    return payload;
  }

  /** Follows the numbers that arrive: each of 0, 1, 2, … once and in order. Used by one thread at a time. */
  private static final class Check {
    private final int count;
    private final BitSet seen = new BitSet();
    private int deliveries;
    private int duplicated;
    private int reordered;
    private int next;
    private int waits;

    Check(int count) {
      this.count = count;
    }

    int accept(Message<byte[]> message) {
      int sequence = ByteBuffer.wrap(message.getData()).getInt();
      waits = 0;
      if (sequence == next) next++;
      else if (seen.get(sequence)) duplicated++;
      else if (sequence < next) reordered++;
      else next = sequence + 1;
      if (!seen.get(sequence)) deliveries++;
      seen.set(sequence);
      return sequence;
    }

    boolean complete() {
      return deliveries == count;
    }

    boolean mayWait() {
      return ++waits < 100;
    }

    Map<String, Integer> result() {
      return Map.of(
          "deliveries", deliveries,
          "frames", deliveries,
          "lost", count - deliveries,
          "duplicated", duplicated,
          "reordered", reordered);
    }
  }
}
