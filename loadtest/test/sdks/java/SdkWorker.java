import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.centrifugal.centrifuge.Client;
import io.github.centrifugal.centrifuge.ClientInfo;
import io.github.centrifugal.centrifuge.ConnectedEvent;
import io.github.centrifugal.centrifuge.ConnectionTokenEvent;
import io.github.centrifugal.centrifuge.ConnectionTokenGetter;
import io.github.centrifugal.centrifuge.EventListener;
import io.github.centrifugal.centrifuge.HistoryOptions;
import io.github.centrifugal.centrifuge.HistoryResult;
import io.github.centrifugal.centrifuge.Options;
import io.github.centrifugal.centrifuge.PresenceResult;
import io.github.centrifugal.centrifuge.PresenceStatsResult;
import io.github.centrifugal.centrifuge.Publication;
import io.github.centrifugal.centrifuge.PublicationEvent;
import io.github.centrifugal.centrifuge.PublishResult;
import io.github.centrifugal.centrifuge.RPCResult;
import io.github.centrifugal.centrifuge.ResultCallback;
import io.github.centrifugal.centrifuge.SubscribedEvent;
import io.github.centrifugal.centrifuge.Subscription;
import io.github.centrifugal.centrifuge.SubscriptionEventListener;
import io.github.centrifugal.centrifuge.SubscriptionOptions;
import io.github.centrifugal.centrifuge.SubscriptionTokenEvent;
import io.github.centrifugal.centrifuge.SubscriptionTokenGetter;
import io.github.centrifugal.centrifuge.TokenCallback;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import pharos.JsonLines;

/** The official Java SDK, at the command of a test. It speaks Protobuf only. */
public final class SdkWorker {
  private static final long WAIT_MS = 30_000;

  /** Something that grows, and who waits for it. */
  private static final class Told<T> {
    private final List<T> items = new ArrayList<>();

    synchronized void add(T item) {
      items.add(item);
      notifyAll();
    }

    synchronized List<T> atLeast(int count) throws InterruptedException, TimeoutException {
      long giveUpAt = System.currentTimeMillis() + WAIT_MS;
      while (items.size() < count) {
        long left = giveUpAt - System.currentTimeMillis();
        if (left <= 0) throw new TimeoutException(items.size() + " of " + count + " came");
        wait(left);
      }
      return new ArrayList<>(items);
    }
  }

  private static final class Room {
    final Told<ObjectNode> answers = new Told<>();
    final Told<ObjectNode> publications = new Told<>();
  }

  private static final class Guest {
    final Told<String> ids = new Told<>();
    final Map<String, Room> rooms = new HashMap<>();
    Client client;
  }

  private static final Map<String, Guest> guests = new HashMap<>();

  private SdkWorker() {}

  public static void main(String[] args) throws IOException {
    Map<String, JsonLines.Command> commands = new HashMap<>();
    commands.put("open", SdkWorker::open);
    commands.put("subscribe", SdkWorker::subscribe);
    commands.put("publish", SdkWorker::publish);
    commands.put("rpc", SdkWorker::rpc);
    commands.put("presence", SdkWorker::presence);
    commands.put("presenceStats", SdkWorker::presenceStats);
    commands.put("history", SdkWorker::history);
    commands.put("publications", p -> room(p).publications.atLeast(p.get("count").asInt()));
    commands.put("answers", p -> room(p).answers.atLeast(p.get("count").asInt()));
    commands.put("ids", p -> guest(p).ids.atLeast(0));
    commands.put("close", SdkWorker::close);
    JsonLines.serve(commands);
    // The SDK's threads are none that end by themselves.
    System.exit(0);
  }

  private static Object open(JsonNode params) throws Exception {
    Guest guest = new Guest();
    String tokenUrl = params.get("tokenUrl").asText();
    Options options = new Options();
    options.setTokenGetter(
        new ConnectionTokenGetter() {
          @Override
          public void getConnectionToken(ConnectionTokenEvent event, TokenCallback callback) {
            fetch(tokenUrl, callback);
          }
        });
    options.setMinReconnectDelay(50);
    options.setMaxReconnectDelay(200);
    options.setTimeout((int) WAIT_MS);
    guest.client =
        new Client(
            params.get("url").asText(),
            options,
            new EventListener() {
              @Override
              public void onConnected(Client client, ConnectedEvent event) {
                guest.ids.add(event.getClient());
              }
            });
    guests.put(params.get("client").asText(), guest);
    guest.client.connect();
    guest.ids.atLeast(1);
    return null;
  }

  private static Object subscribe(JsonNode params) throws Exception {
    Room room = new Room();
    Guest guest = guest(params);
    guest.rooms.put(params.get("channel").asText(), room);
    SubscriptionOptions options = new SubscriptionOptions();
    options.setRecoverable(true);
    if (params.has("tokenUrl")) {
      String tokenUrl = params.get("tokenUrl").asText();
      options.setTokenGetter(
          new SubscriptionTokenGetter() {
            @Override
            public void getSubscriptionToken(SubscriptionTokenEvent event, TokenCallback callback) {
              fetch(tokenUrl, callback);
            }
          });
    }
    SubscriptionEventListener listener =
        new SubscriptionEventListener() {
          @Override
          public void onSubscribed(Subscription subscription, SubscribedEvent event) {
            ObjectNode answer = JsonLines.JSON.createObjectNode();
            answer.put("recoverable", event.getRecoverable());
            answer.put("positioned", event.getPositioned());
            answer.put("wasRecovering", event.wasRecovering());
            answer.put("recovered", event.getRecovered());
            room.answers.add(answer);
          }

          @Override
          public void onPublication(Subscription subscription, PublicationEvent event) {
            room.publications.add(received(event.getOffset(), event.getData()));
          }
        };
    guest.client.newSubscription(params.get("channel").asText(), options, listener).subscribe();
    return room.answers.atLeast(1).get(0);
  }

  private static Object publish(JsonNode params) throws Exception {
    byte[] data = JsonLines.JSON.writeValueAsBytes(params.get("data"));
    Client client = guest(params).client;
    SdkWorker.<PublishResult>result(done -> client.publish(params.get("channel").asText(), data, done));
    return null;
  }

  private static Object rpc(JsonNode params) throws Exception {
    byte[] data = JsonLines.JSON.writeValueAsBytes(params.get("data"));
    Client client = guest(params).client;
    RPCResult result = result(done -> client.rpc(params.get("method").asText(), data, done));
    return JsonLines.JSON.readTree(result.getData());
  }

  private static Object presence(JsonNode params) throws Exception {
    Client client = guest(params).client;
    PresenceResult result = result(done -> client.presence(params.get("channel").asText(), done));
    ArrayNode all = JsonLines.JSON.createArrayNode();
    for (ClientInfo one : result.getClients().values()) {
      all.addObject().put("client", one.getClient()).put("user", one.getUser());
    }
    return all;
  }

  private static Object presenceStats(JsonNode params) throws Exception {
    Client client = guest(params).client;
    PresenceStatsResult result = result(done -> client.presenceStats(params.get("channel").asText(), done));
    return Map.of("clients", result.getNumClients(), "users", result.getNumUsers());
  }

  private static Object history(JsonNode params) throws Exception {
    Client client = guest(params).client;
    HistoryOptions options =
        new HistoryOptions.Builder()
            .withLimit(params.get("limit").asInt())
            .withReverse(params.get("reverse").asBoolean())
            .build();
    HistoryResult result = result(done -> client.history(params.get("channel").asText(), options, done));
    List<ObjectNode> publications = new ArrayList<>();
    for (Publication one : result.getPublications()) publications.add(received(one.getOffset(), one.getData()));
    return Map.of("offset", result.getOffset(), "publications", publications);
  }

  private static Object close(JsonNode params) throws Exception {
    guests.remove(params.get("client").asText()).client.close(WAIT_MS);
    return null;
  }

  private static Guest guest(JsonNode params) {
    return guests.get(params.get("client").asText());
  }

  private static Room room(JsonNode params) {
    return guest(params).rooms.get(params.get("channel").asText());
  }

  private static ObjectNode received(long offset, byte[] data) {
    try {
      ObjectNode received = JsonLines.JSON.createObjectNode();
      received.put("offset", offset);
      received.set("data", JsonLines.JSON.readTree(data));
      return received;
    } catch (IOException error) {
      throw new IllegalStateException(error);
    }
  }

  private static <T> T result(Consumer<ResultCallback<T>> start) throws Exception {
    CompletableFuture<T> result = new CompletableFuture<>();
    start.accept(
        (error, value) -> {
          if (error == null) result.complete(value);
          else result.completeExceptionally(error);
        });
    return result.get(WAIT_MS, TimeUnit.MILLISECONDS);
  }

  private static void fetch(String url, TokenCallback callback) {
    try (InputStream body = new URL(url).openStream()) {
      callback.Done(null, new String(body.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException error) {
      callback.Done(error, null);
    }
  }
}
