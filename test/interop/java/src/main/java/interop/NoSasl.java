package interop;

import static interop.Suite.equal;

import alluxio.AlluxioURI;
import alluxio.client.file.FileInStream;
import alluxio.client.file.FileOutStream;
import alluxio.client.file.FileSystem;
import alluxio.client.file.FileSystemContext;
import alluxio.conf.Configuration;
import alluxio.conf.InstancedConfiguration;
import alluxio.conf.PropertyKey;
import alluxio.conf.Source;

/** A client of a cluster without authentication, which it learns from the master: HOST PORT. */
public final class NoSasl {
  public static void main(String[] args) throws Exception {
    Suite suite = new Suite(System.out);
    InstancedConfiguration conf = Configuration.copyGlobal();
    conf.set(PropertyKey.MASTER_HOSTNAME, args[0], Source.RUNTIME);
    conf.set(PropertyKey.MASTER_RPC_PORT, Integer.parseInt(args[1]), Source.RUNTIME);
    conf.set(PropertyKey.USER_RPC_RETRY_MAX_DURATION, "15sec", Source.RUNTIME);
    try (FileSystemContext context = FileSystemContext.create(conf)) {
      FileSystem fs = FileSystem.Factory.create(context);
      AlluxioURI file = new AlluxioURI("/nosasl");
      suite.check("write and read without authentication", () -> {
        try (FileOutStream out = fs.createFile(file)) {
          out.write(new byte[] {1, 2, 3});
        }
        try (FileInStream in = fs.openFile(file)) {
          equal(3, in.readAllBytes().length, "bytes");
        }
        fs.rename(file, new AlluxioURI("/moved"));
        fs.delete(new AlluxioURI("/moved"));
      });
      suite.check("the way to authenticate is the cluster's", () -> equal("NOSASL",
          context.getClusterConf().get(PropertyKey.SECURITY_AUTHENTICATION_TYPE).toString(), "authentication"));
    }
    System.exit(suite.finish());
  }
}
