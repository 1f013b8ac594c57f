package interop;

import alluxio.AlluxioURI;
import alluxio.client.file.FileInStream;
import alluxio.client.file.FileSystem;
import alluxio.client.file.FileSystemContext;
import alluxio.conf.Configuration;
import alluxio.conf.InstancedConfiguration;
import alluxio.conf.PropertyKey;
import alluxio.conf.Source;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.security.MessageDigest;

/**
 * A client that waits in the middle: HOST PORT PATH. It reads a part of the file, prints "waiting",
 * goes on when a line comes in, and prints the SHA-256 of all it read.
 */
public final class Slow {
  public static void main(String[] args) throws Exception {
    InstancedConfiguration conf = Configuration.copyGlobal();
    conf.set(PropertyKey.MASTER_HOSTNAME, args[0], Source.RUNTIME);
    conf.set(PropertyKey.MASTER_RPC_PORT, Integer.parseInt(args[1]), Source.RUNTIME);
    FileSystemContext context = FileSystemContext.create(conf);
    FileSystem fs = FileSystem.Factory.create(context);
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    AlluxioURI path = new AlluxioURI(args[2]);
    byte[] buffer = new byte[1 << 20];
    try (FileInStream in = fs.openFile(path)) {
      digest.update(buffer, 0, in.readNBytes(buffer, 0, 600_000));
      System.out.println("waiting");
      new BufferedReader(new InputStreamReader(System.in)).readLine();
      fs.getStatus(path);
      for (int n; (n = in.read(buffer)) >= 0;) {
        digest.update(buffer, 0, n);
      }
    }
    StringBuilder hex = new StringBuilder();
    for (byte b : digest.digest()) {
      hex.append(String.format("%02x", b));
    }
    System.out.println(hex);
    context.close();
  }
}
