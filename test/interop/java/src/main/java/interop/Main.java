package interop;

import java.nio.file.Path;

/** Runs every check against the master at HOST PORT, with SCRATCH as a local folder. */
public final class Main {
  public static void main(String[] args) throws Exception {
    Suite suite = new Suite(System.out);
    String host = args[0];
    int port = Integer.parseInt(args[1]);
    Path local = Path.of(args[2]);
    for (boolean shortCircuit : new boolean[] {true, false}) {
      new Native(suite, host, port, shortCircuit, local).run();
    }
    new Others(suite, host, port, local).run();
    new Hadoop(suite, host, port, local).run();
    System.exit(suite.finish());
  }
}
