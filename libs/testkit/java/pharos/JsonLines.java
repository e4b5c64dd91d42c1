package pharos;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Commands from standard input, one JSON document a line, in order; answers to standard output. */
public final class JsonLines {
  public static final ObjectMapper JSON = new ObjectMapper();

  /** Gives something that Jackson writes. */
  @FunctionalInterface
  public interface Command {
    Object run(JsonNode params) throws Exception;
  }

  private JsonLines() {}

  /** Returns when the input ends. */
  public static void serve(Map<String, Command> commands) throws IOException {
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    OutputStream output = System.out;
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      output.write(JSON.writeValueAsBytes(answer(commands, JSON.readTree(line))));
      output.write('\n');
      output.flush();
    }
  }

  private static ObjectNode answer(Map<String, Command> commands, JsonNode request) {
    ObjectNode answer = JSON.createObjectNode();
    answer.set("id", request.get("id"));
    String method = request.get("method").asText();
    try {
      Command command = commands.get(method);
      if (command == null) throw new IllegalArgumentException("no such command: " + method);
      JsonNode result = JSON.valueToTree(command.run(request.get("params")));
      answer.set("result", result);
    } catch (Throwable error) {
      StringWriter stack = new StringWriter();
      error.printStackTrace(new PrintWriter(stack));
      answer.put("error", method + ": " + stack);
    }
    return answer;
  }
}
