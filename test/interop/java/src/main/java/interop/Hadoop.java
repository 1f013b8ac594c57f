package interop;

import static interop.Suite.equal;
import static interop.Suite.require;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.security.PrivilegedExceptionAction;
import java.util.Arrays;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.BlockLocation;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FsShell;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsAction;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.security.UserGroupInformation;
import org.apache.hadoop.util.ToolRunner;

/** The Hadoop file system alluxio://, through its API and through `hadoop fs`. */
final class Hadoop {
  private final Suite suite;
  private final String root;
  private final Configuration conf = new Configuration();
  private final java.nio.file.Path local;

  Hadoop(Suite suite, String host, int port, java.nio.file.Path local) {
    this.suite = suite;
    this.local = local;
    this.root = "alluxio://" + host + ":" + port;
    conf.set("fs.alluxio.impl", "alluxio.hadoop.FileSystem");
    conf.set("fs.defaultFS", root + "/");
  }

  void run() throws Exception {
    FileSystem fs = FileSystem.get(new URI(root + "/"), conf);
    byte[] data = Native.bytes(10 << 20, 9);
    fs.delete(new Path("/hadoop"), true);
    suite.check("hadoop mkdirs, create, status", () -> {
      require(fs.mkdirs(new Path("/hadoop/a/b")), "mkdirs");
      try (FSDataOutputStream out = fs.create(new Path("/hadoop/a/f"))) {
        out.write(data);
      }
      FileStatus status = fs.getFileStatus(new Path("/hadoop/a/f"));
      equal((long) data.length, status.getLen(), "length");
      require(!status.isDirectory() && status.getOwner().length() > 0, "status " + status);
    });
    suite.check("hadoop overwrite", () -> {
      try (FSDataOutputStream out = fs.create(new Path("/hadoop/a/f"), true)) {
        out.write(data);
      }
    });
    suite.check("hadoop open, seek, positioned reads", () -> {
      try (FSDataInputStream in = fs.open(new Path("/hadoop/a/f"))) {
        in.seek(5_000_000);
        byte[] got = new byte[1000];
        in.readFully(got);
        require(Arrays.equals(Arrays.copyOfRange(data, 5_000_000, 5_001_000), got), "other bytes after a seek");
        in.readFully(123, got);
        require(Arrays.equals(Arrays.copyOfRange(data, 123, 1123), got), "other bytes at 123");
      }
    });
    suite.check("hadoop list, block locations", () -> {
      equal(2, fs.listStatus(new Path("/hadoop/a")).length, "children");
      BlockLocation[] blocks = fs.getFileBlockLocations(fs.getFileStatus(new Path("/hadoop/a/f")), 0, data.length);
      require(blocks.length > 0 && blocks[0].getHosts().length > 0, "no hosts");
    });
    suite.check("hadoop rename into a folder, delete", () -> {
      require(fs.rename(new Path("/hadoop/a/f"), new Path("/hadoop/a/b")), "rename");
      require(fs.exists(new Path("/hadoop/a/b/f")), "not in the folder");
      require(!fs.rename(new Path("/hadoop/none"), new Path("/hadoop/x")), "renamed nothing");
      require(!fs.delete(new Path("/hadoop/none"), false), "deleted nothing");
    });
    suite.check("hadoop mode, owner, replication, access, checksum, defaults", () -> {
      Path file = new Path("/hadoop/a/b/f");
      fs.setPermission(file, new FsPermission((short) 0640));
      equal("rw-r-----", fs.getFileStatus(file).getPermission().toString(), "mode");
      fs.setOwner(file, "nobody", null);
      equal("nobody", fs.getFileStatus(file).getOwner(), "owner");
      require(fs.setReplication(file, (short) 2), "replication");
      equal((short) 2, fs.getFileStatus(file).getReplication(), "replication");
      fs.access(file, FsAction.READ);
      equal(null, fs.getFileChecksum(file), "checksum");
      require(fs.getDefaultBlockSize(file) > 0 && fs.getDefaultReplication(file) == 1, "defaults");
    });
    suite.check("hadoop append, create without parents", () -> {
      try (FSDataOutputStream out = fs.append(new Path("/hadoop/a/appended"))) {
        out.write(1);
      }
      equal(1L, fs.getFileStatus(new Path("/hadoop/a/appended")).getLen(), "length");
      fs.createNonRecursive(new Path("/hadoop/a/single"), true, 4096, (short) 1, 4 << 20, null).close();
      require(fs.exists(new Path("/hadoop/a/single")), "missing");
    });
    suite.check("hadoop impersonation", () -> {
      fs.mkdirs(new Path("/hadoop/open"), new FsPermission((short) 0777));
      fs.setPermission(new Path("/hadoop/open"), new FsPermission((short) 0777));
      as("alice", alices -> {
        alices.mkdirs(new Path("/hadoop/open/alice"));
        equal("alice", alices.getFileStatus(new Path("/hadoop/open/alice")).getOwner(), "owner");
        boolean refused = false;
        try {
          alices.mkdirs(new Path("/hadoop/alice"));
        } catch (IOException e) {
          refused = e.getMessage().contains("Permission denied: user=alice");
        }
        require(refused, "alice wrote to a folder of others");
      });
    });
    suite.refused("hadoop impersonation that is not allowed", Exception.class, "impersonat", () ->
        as("eve", eves -> eves.exists(new Path("/hadoop"))));
    suite.refused("hadoop missing file", FileNotFoundException.class, "/hadoop/none", () -> fs.getFileStatus(new Path("/hadoop/none")));
    suite.check("hadoop fs -put -ls -du -cat -get -mv -checksum -rm", () -> {
      java.nio.file.Path source = local.resolve("hadoop-source");
      java.nio.file.Path target = local.resolve("hadoop-target");
      Files.write(source, data);
      Files.deleteIfExists(target);
      shell("-mkdir", "-p", "/hadoop/shell");
      shell("-put", source.toString(), "/hadoop/shell/f");
      shell("-ls", "-R", "/hadoop");
      shell("-du", "-h", "/hadoop");
      shell("-get", "/hadoop/shell/f", target.toString());
      require(Arrays.equals(data, Files.readAllBytes(target)), "other bytes");
      shell("-checksum", "/hadoop/shell/f");
      shell("-mv", "/hadoop/shell/f", "/hadoop/shell/g");
      shell("-test", "-e", "/hadoop/shell/g");
      shell("-rm", "-r", "-skipTrash", "/hadoop/shell");
      equal(1, ToolRunner.run(conf, new FsShell(), new String[] {"-test", "-e", "/hadoop/shell"}), "test -e");
    });
  }

  private interface Use {
    void of(FileSystem fs) throws Exception;
  }

  /** Uses the file system in the name of a user. */
  private void as(String user, Use use) throws Exception {
    UserGroupInformation.createRemoteUser(user).doAs((PrivilegedExceptionAction<Void>) () -> {
      Configuration own = new Configuration(conf);
      own.set("alluxio.user.rpc.retry.max.duration", "2sec");
      try (FileSystem fs = FileSystem.newInstance(new URI(root + "/"), own)) {
        use.of(fs);
      }
      return null;
    });
  }

  private void shell(String... args) throws Exception {
    equal(0, ToolRunner.run(conf, new FsShell(), args), "hadoop fs " + String.join(" ", args));
  }
}
