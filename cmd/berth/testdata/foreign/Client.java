// java Client URL N new|shared|url: an HttpClient a request, one for all, or an
// HttpURLConnection that is disconnected.
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;

public class Client {
    static final HttpClient shared = HttpClient.newHttpClient();

    // What is collected closes its connections: on a slow machine, some were before the end.
    static final List<HttpClient> made = new ArrayList<>();

    static HttpClient make() {
        made.add(HttpClient.newHttpClient());
        return made.get(made.size() - 1);
    }

    static void fetch(HttpClient client, String url) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url)).version(HttpClient.Version.HTTP_1_1).build();
        client.send(request, HttpResponse.BodyHandlers.ofString());
    }

    static void fetchOrder(String url) throws Exception {
        HttpURLConnection c = (HttpURLConnection) new URL(url).openConnection();
        try (InputStream in = c.getInputStream()) {
            in.readAllBytes();
            c.disconnect();
        }
    }

    public static void main(String[] args) throws Exception {
        for (int i = 0; i < Integer.parseInt(args[1]); i++) {
            switch (args[2]) {
                case "new" -> fetch(make(), args[0]);
                case "shared" -> fetch(shared, args[0]);
                default -> fetchOrder(args[0]);
            }
        }
        if (args.length > 3) { // while the code is there: what perf would be told of it
            String pid = Long.toString(ProcessHandle.current().pid());
            for (int i = 0; i < 5 && new java.io.File("/tmp/perf-" + pid + ".map").length() == 0; i++) {
                new ProcessBuilder("jcmd", pid, "Compiler.perfmap").start().waitFor();
            }
        }
        System.out.println("done");
        System.exit(0);
    }
}
