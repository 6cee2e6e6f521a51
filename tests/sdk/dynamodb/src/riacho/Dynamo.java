package riacho;

import com.amazonaws.services.dynamodbv2.local.main.ServerRunner;
import com.amazonaws.services.dynamodbv2.local.server.DynamoDBProxyServer;
import java.lang.reflect.Field;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

/** DynamoDB Local in memory, on a free port of the loopback address alone, until its input ends. Prints {"port": number}. */
public final class Dynamo {
    public static void main(String[] arguments) throws Exception {
        DynamoDBProxyServer local =
                ServerRunner.createServerFromCommandLineArgs(new String[] {"-inMemory", "-disableTelemetry"});
        // DynamoDB Local has no option for an address: it would listen on all of them.
        Field field = DynamoDBProxyServer.class.getDeclaredField("server");
        field.setAccessible(true);
        ServerConnector connector = (ServerConnector) ((Server) field.get(local)).getConnectors()[0];
        connector.setHost("127.0.0.1");
        connector.setPort(0);
        local.start();
        System.out.println("{\"port\": " + connector.getLocalPort() + "}");
        while (System.in.read() != -1) {
            continue;
        }
        System.exit(0);
    }
}
