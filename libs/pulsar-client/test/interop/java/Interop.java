import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.pulsar.client.api.CompressionType;
import org.apache.pulsar.client.api.Consumer;
import org.apache.pulsar.client.api.HashingScheme;
import org.apache.pulsar.client.api.Message;
import org.apache.pulsar.client.api.MessageId;
import org.apache.pulsar.client.api.Producer;
import org.apache.pulsar.client.api.ProducerBuilder;
import org.apache.pulsar.client.api.PulsarClient;
import org.apache.pulsar.client.api.Reader;
import org.apache.pulsar.client.api.Schema;
import org.apache.pulsar.client.api.SubscriptionInitialPosition;
import org.apache.pulsar.client.api.SubscriptionType;
import org.apache.pulsar.client.api.TypedMessageBuilder;
import org.apache.pulsar.client.impl.Hash;
import org.apache.pulsar.client.impl.JavaStringHash;
import org.apache.pulsar.client.impl.Murmur3Hash32;
import pharos.JsonLines;

/** The official Java client, at the command of a test. Bytes travel as base64. */
public final class Interop {
  private static final int COMES_WITHIN_SECONDS = 30;
  private static final Map<String, Consumer<byte[]>> joined = new HashMap<>();
  private static PulsarClient client;

  public static void main(String[] args) throws Exception {
    JsonLines.serve(
        Map.of(
            "open", Interop::open,
            "produce", Interop::produce,
            "read", Interop::read,
            "consume", Interop::consume,
            "join", Interop::join,
            "take", Interop::take,
            "leave", Interop::leave,
            "hashes", Interop::hashes));
    if (client != null) client.close();
  }

  private static Object open(JsonNode params) throws Exception {
    client = PulsarClient.builder().serviceUrl(params.get("serviceUrl").asText()).build();
    return null;
  }

  private static Object produce(JsonNode params) throws Exception {
    int batchSize = params.get("batchSize").asInt();
    ProducerBuilder<byte[]> builder =
        client
            .newProducer(Schema.BYTES)
            .topic(params.get("topic").asText())
            .maxPendingMessages(0)
            .compressionType(CompressionType.valueOf(params.get("compression").asText().toUpperCase()))
            .enableBatching(batchSize > 0);
    // Only what is full goes out before the flush.
    if (batchSize > 0) builder.batchingMaxMessages(batchSize).batchingMaxPublishDelay(10, TimeUnit.SECONDS);
    if (params.has("chunkBytes")) builder.enableChunking(true).chunkMaxMessageSize(params.get("chunkBytes").asInt());
    if (params.has("hashing")) builder.hashingScheme(HashingScheme.valueOf(params.get("hashing").asText()));
    try (Producer<byte[]> producer = builder.create()) {
      List<CompletableFuture<MessageId>> sent = new ArrayList<>();
      for (JsonNode message : params.get("messages")) sent.add(built(producer, message).sendAsync());
      producer.flush();
      List<String> ids = new ArrayList<>();
      for (CompletableFuture<MessageId> id : sent) ids.add(base64(id.get().toByteArray()));
      return ids;
    }
  }

  private static TypedMessageBuilder<byte[]> built(Producer<byte[]> producer, JsonNode message) {
    TypedMessageBuilder<byte[]> builder = producer.newMessage();
    builder.value(message.get("data").isNull() ? null : bytes(message.get("data")));
    if (message.has("key")) builder.key(message.get("key").asText());
    if (message.has("keyBytes")) builder.keyBytes(bytes(message.get("keyBytes")));
    if (message.has("orderingKey")) {
      builder.orderingKey(message.get("orderingKey").asText().getBytes(StandardCharsets.UTF_8));
    }
    if (message.has("eventTimestamp")) builder.eventTime(message.get("eventTimestamp").asLong());
    if (message.has("properties")) {
      message.get("properties").fields().forEachRemaining(p -> builder.property(p.getKey(), p.getValue().asText()));
    }
    return builder;
  }

  private static Object read(JsonNode params) throws Exception {
    MessageId start = params.has("start") ? id(params.get("start")) : MessageId.earliest;
    var builder = client.newReader(Schema.BYTES).topic(params.get("topic").asText()).startMessageId(start);
    if (params.get("inclusive").asBoolean()) builder.startMessageIdInclusive();
    try (Reader<byte[]> reader = builder.create()) {
      List<Object> seen = new ArrayList<>();
      while (seen.size() < params.get("count").asInt()) {
        seen.add(seen(reader.readNext(COMES_WITHIN_SECONDS, TimeUnit.SECONDS), params, seen.size()));
      }
      return seen;
    }
  }

  private static Object consume(JsonNode params) throws Exception {
    var builder =
        client
            .newConsumer(Schema.BYTES)
            .topic(params.get("topic").asText())
            .subscriptionName(params.get("subscription").asText())
            .subscriptionInitialPosition(SubscriptionInitialPosition.Earliest);
    try (Consumer<byte[]> consumer = builder.subscribe()) {
      if (params.has("seek")) consumer.seek(id(params.get("seek")));
      List<Object> seen = new ArrayList<>();
      while (seen.size() < params.get("count").asInt()) {
        Message<byte[]> message = consumer.receive(COMES_WITHIN_SECONDS, TimeUnit.SECONDS);
        seen.add(seen(message, params, seen.size()));
        consumer.acknowledgeAsync(message).get();
      }
      return seen;
    }
  }

  /** Adds a consumer to a Shared subscription. */
  private static Object join(JsonNode params) throws Exception {
    var builder =
        client
            .newConsumer(Schema.BYTES)
            .topic(params.get("topic").asText())
            .subscriptionName(params.get("subscription").asText())
            .subscriptionType(SubscriptionType.Shared)
            .subscriptionInitialPosition(SubscriptionInitialPosition.Earliest);
    joined.put(params.get("name").asText(), builder.subscribe());
    return null;
  }

  /** The next messages of one that joined, acknowledged. */
  private static Object take(JsonNode params) throws Exception {
    Consumer<byte[]> consumer = joined.get(params.get("name").asText());
    List<Object> seen = new ArrayList<>();
    while (seen.size() < params.get("count").asInt()) {
      Message<byte[]> message = consumer.receive(COMES_WITHIN_SECONDS, TimeUnit.SECONDS);
      seen.add(seen(message, params, seen.size()));
      consumer.acknowledge(message);
    }
    return seen;
  }

  private static Object leave(JsonNode params) throws Exception {
    joined.remove(params.get("name").asText()).close();
    return null;
  }

  private static Object hashes(JsonNode params) {
    Hash hash =
        switch (params.get("hashing").asText()) {
          case "JavaStringHash" -> JavaStringHash.getInstance();
          case "Murmur3_32Hash" -> Murmur3Hash32.getInstance();
          default -> throw new IllegalArgumentException("no such hash: " + params.get("hashing"));
        };
    List<Integer> hashes = new ArrayList<>();
    for (JsonNode key : params.get("keys")) hashes.add(hash.makeHash(key.asText()));
    return hashes;
  }

  private static Map<String, Object> seen(Message<byte[]> message, JsonNode params, int before) {
    if (message == null) {
      String what = "only %d of %s messages came in %d s".formatted(before, params.get("count"), COMES_WITHIN_SECONDS);
      throw new IllegalStateException(what);
    }
    byte[] data = message.getData();
    byte[] orderingKey = message.hasOrderingKey() ? message.getOrderingKey() : null;
    Map<String, Object> seen = new HashMap<>();
    seen.put("data", data == null ? null : base64(data));
    seen.put("key", message.hasKey() ? message.getKey() : "");
    seen.put("orderingKey", orderingKey == null ? "" : new String(orderingKey, StandardCharsets.UTF_8));
    seen.put("properties", message.getProperties());
    seen.put("eventTimestamp", message.getEventTime());
    seen.put("producerName", message.getProducerName());
    seen.put("id", base64(message.getMessageId().toByteArray()));
    return seen;
  }

  private static MessageId id(JsonNode serialized) throws Exception {
    return MessageId.fromByteArray(bytes(serialized));
  }

  private static byte[] bytes(JsonNode base64) {
    return Base64.getDecoder().decode(base64.asText());
  }

  private static String base64(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }
}
