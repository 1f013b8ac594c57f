package interop;

import static interop.Suite.equal;
import static interop.Suite.require;

import alluxio.AlluxioURI;
import alluxio.client.WriteType;
import alluxio.client.block.BlockMasterClient;
import alluxio.client.file.FileInStream;
import alluxio.client.file.FileOutStream;
import alluxio.client.file.FileSystem;
import alluxio.client.file.FileSystemContext;
import alluxio.client.file.URIStatus;
import alluxio.collections.Pair;
import alluxio.conf.Configuration;
import alluxio.conf.InstancedConfiguration;
import alluxio.conf.PropertyKey;
import alluxio.conf.Source;
import alluxio.exception.AccessControlException;
import alluxio.exception.AlluxioException;
import alluxio.exception.DirectoryNotEmptyException;
import alluxio.exception.FileAlreadyExistsException;
import alluxio.exception.FileDoesNotExistException;
import alluxio.exception.InvalidPathException;
import alluxio.grpc.Bits;
import alluxio.grpc.CreateDirectoryPOptions;
import alluxio.grpc.CreateFilePOptions;
import alluxio.grpc.DeletePOptions;
import alluxio.grpc.FileSystemMasterCommonPOptions;
import alluxio.grpc.FreePOptions;
import alluxio.grpc.ListStatusPOptions;
import alluxio.grpc.ListStatusPartialPOptions;
import alluxio.grpc.MountPOptions;
import alluxio.grpc.OpenFilePOptions;
import alluxio.grpc.PMode;
import alluxio.grpc.ReadPType;
import alluxio.grpc.ScheduleAsyncPersistencePOptions;
import alluxio.grpc.SetAclAction;
import alluxio.grpc.SetAttributePOptions;
import alluxio.grpc.TtlAction;
import alluxio.grpc.WritePType;
import alluxio.resource.CloseableResource;
import alluxio.security.authorization.AclEntry;
import alluxio.wire.BlockLocationInfo;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.ArrayList;
import java.util.stream.Collectors;

/** Alluxio's own FileSystem client, with default settings except the master's address. */
final class Native {
  private static final int BLOCK = 4 << 20;

  private final Suite suite;
  private final FileSystemContext context;
  private final FileSystem fs;
  private final String mode;
  private final Path local;

  Native(Suite suite, String host, int port, boolean shortCircuit, Path local) {
    this.suite = suite;
    this.local = local;
    this.mode = shortCircuit ? " (short circuit)" : " (grpc)";
    InstancedConfiguration conf = Configuration.copyGlobal();
    conf.set(PropertyKey.MASTER_HOSTNAME, host, Source.RUNTIME);
    conf.set(PropertyKey.MASTER_RPC_PORT, port, Source.RUNTIME);
    conf.set(PropertyKey.USER_SHORT_CIRCUIT_ENABLED, shortCircuit, Source.RUNTIME);
    conf.set(PropertyKey.USER_RPC_RETRY_MAX_DURATION, "15sec", Source.RUNTIME);
    context = FileSystemContext.create(conf);
    fs = FileSystem.Factory.create(context);
  }

  private void check(String name, Suite.Check check) {
    suite.check(name + mode, check);
  }

  void run() throws Exception {
    AlluxioURI base = new AlluxioURI("/interop");
    if (fs.exists(base)) {
      fs.delete(base, DeletePOptions.newBuilder().setRecursive(true).build());
    }
    fs.createDirectory(base);
    readsAndWrites();
    bigFile();
    namespace();
    attributes();
    acls();
    mounts();
    cluster();
    errors();
    parallel();
    context.close();
  }

  private void readsAndWrites() {
    byte[] data = bytes(3 * BLOCK + 12345, 1);
    for (WritePType write : List.of(WritePType.MUST_CACHE, WritePType.CACHE_THROUGH, WritePType.THROUGH,
        WritePType.ASYNC_THROUGH)) {
      AlluxioURI path = new AlluxioURI("/interop/file_" + write);
      check("create " + write, () -> {
        write(path, data, write);
        URIStatus status = fs.getStatus(path);
        equal((long) data.length, status.getLength(), "length");
        require(status.isCompleted(), "not completed");
        equal(4, status.getBlockIds().size(), "blocks");
        equal(4, status.getFileBlockInfos().size(), "block infos");
        if (write == WritePType.THROUGH) {
          equal(0, status.getInAlluxioPercentage(), "cached");
        } else {
          equal(100, status.getInAlluxioPercentage(), "cached");
        }
      });
      for (ReadPType read : List.of(ReadPType.NO_CACHE, ReadPType.CACHE, ReadPType.CACHE_PROMOTE)) {
        check("read " + write + " as " + read, () -> {
          OpenFilePOptions options = OpenFilePOptions.newBuilder().setReadType(read).build();
          try (FileInStream in = fs.openFile(path, options)) {
            require(Arrays.equals(data, in.readAllBytes()), "other bytes");
          }
        });
      }
      check("positioned reads of " + write, () -> {
        Random random = new Random(7);
        try (FileInStream in = fs.openFile(path)) {
          for (int i = 0; i < 50; i++) {
            int at = random.nextInt(data.length);
            byte[] got = new byte[Math.min(1 + random.nextInt(100_000), data.length - at)];
            int n = 0;
            while (n < got.length) {
              int r = in.positionedRead(at + n, got, n, got.length - n);
              require(r > 0, "end of file at " + (at + n));
              n += r;
            }
            require(Arrays.equals(Arrays.copyOfRange(data, at, at + got.length), got), "other bytes at " + at);
          }
        }
      });
      check("seeks in " + write, () -> {
        Random random = new Random(8);
        try (FileInStream in = fs.openFile(path)) {
          for (int i = 0; i < 30; i++) {
            int at = random.nextInt(data.length);
            in.seek(at);
            equal(data[at] & 0xff, in.read(), "byte at " + at);
            equal((long) at + 1, in.getPos(), "position");
          }
        }
      });
    }
    check("an empty file", () -> {
      AlluxioURI path = new AlluxioURI("/interop/empty");
      write(path, new byte[0], WritePType.CACHE_THROUGH);
      equal(0L, fs.getStatus(path).getLength(), "length");
      try (FileInStream in = fs.openFile(path)) {
        equal(-1, in.read(), "read");
      }
    });
    check("a cancelled file is not visible as complete", () -> {
      AlluxioURI path = new AlluxioURI("/interop/cancelled");
      FileOutStream out = fs.createFile(path);
      out.write(bytes(100, 2));
      out.cancel();
      require(!fs.exists(path) || !fs.getStatus(path).isCompleted(), "complete");
    });
    check("ASYNC_THROUGH becomes persisted", () -> {
      AlluxioURI path = new AlluxioURI("/interop/file_ASYNC_THROUGH");
      until("persisted", () -> fs.getStatus(path).isPersisted());
    });
    check("persist", () -> {
      AlluxioURI path = new AlluxioURI("/interop/file_MUST_CACHE");
      require(!fs.getStatus(path).isPersisted(), "persisted already");
      fs.persist(path, ScheduleAsyncPersistencePOptions.getDefaultInstance());
      until("persisted", () -> fs.getStatus(path).isPersisted());
    });
    check("free and read again", () -> {
      AlluxioURI path = new AlluxioURI("/interop/file_CACHE_THROUGH");
      fs.free(path);
      until("freed", () -> fs.getStatus(path).getInAlluxioPercentage() == 0);
      try (FileInStream in = fs.openFile(path)) {
        require(Arrays.equals(data, in.readAllBytes()), "other bytes");
      }
      until("cached again", () -> fs.getStatus(path).getInAlluxioPercentage() == 100);
    });
    check("block locations", () -> {
      List<BlockLocationInfo> locations = fs.getBlockLocations(new AlluxioURI("/interop/file_CACHE_THROUGH"));
      equal(4, locations.size(), "blocks");
      require(locations.stream().allMatch(l -> !l.getLocations().isEmpty()), "a block without a place: " + locations);
    });
  }

  private void bigFile() {
    check("200 MB over several blocks", () -> {
      AlluxioURI path = new AlluxioURI("/interop/big");
      byte[] piece = bytes(1 << 20, 3);
      try (FileOutStream out = fs.createFile(path, CreateFilePOptions.newBuilder()
          .setWriteType(WritePType.MUST_CACHE).setBlockSizeBytes(64 << 20).build())) {
        for (int i = 0; i < 200; i++) {
          piece[0] = (byte) i;
          out.write(piece);
        }
      }
      equal(4, fs.getStatus(path).getBlockIds().size(), "blocks");
      try (FileInStream in = fs.openFile(path)) {
        byte[] got = new byte[piece.length];
        for (int i = 0; i < 200; i++) {
          piece[0] = (byte) i;
          equal(got.length, in.readNBytes(got, 0, got.length), "bytes of piece " + i);
          require(Arrays.equals(piece, got), "other bytes in piece " + i);
        }
        equal(-1, in.read(), "end");
      }
      fs.delete(path);
    });
  }

  private void namespace() {
    AlluxioURI dir = new AlluxioURI("/interop/dir");
    check("mkdir, nested and allowed to exist", () -> {
      fs.createDirectory(new AlluxioURI("/interop/dir/a/b"),
          CreateDirectoryPOptions.newBuilder().setRecursive(true).build());
      fs.createDirectory(dir, CreateDirectoryPOptions.newBuilder().setAllowExists(true).build());
      require(fs.getStatus(new AlluxioURI("/interop/dir/a")).isFolder(), "no folder");
    });
    check("list: plain, recursive, partial", () -> {
      for (int i = 0; i < 25; i++) {
        write(new AlluxioURI(String.format("/interop/dir/f%02d", i)), bytes(10, i), WritePType.MUST_CACHE);
      }
      equal(26, fs.listStatus(dir).size(), "children");
      equal(27, fs.listStatus(dir, ListStatusPOptions.newBuilder().setRecursive(true).build()).size(), "descendants");
      List<String> names = new ArrayList<>();
      String after = "";
      while (true) {
        ListStatusPartialPOptions.Builder options = ListStatusPartialPOptions.newBuilder().setBatchSize(10);
        if (!after.isEmpty()) {
          options.setStartAfter(after);
        }
        var part = fs.listStatusPartial(dir, options.build());
        part.getListings().forEach(s -> names.add(s.getName()));
        if (!part.isTruncated()) {
          break;
        }
        after = names.get(names.size() - 1);
      }
      equal(fs.listStatus(dir).stream().map(URIStatus::getName).sorted().collect(Collectors.toList()), names, "names");
    });
    check("exists", () -> {
      require(fs.exists(dir), "missing");
      require(!fs.exists(new AlluxioURI("/interop/none")), "there");
    });
    check("rename of a file and of a folder", () -> {
      fs.rename(new AlluxioURI("/interop/dir/f00"), new AlluxioURI("/interop/dir/renamed"));
      fs.rename(dir, new AlluxioURI("/interop/moved"));
      require(fs.exists(new AlluxioURI("/interop/moved/renamed")) && !fs.exists(dir), "not moved");
    });
    check("delete, recursive", () -> {
      fs.delete(new AlluxioURI("/interop/moved"), DeletePOptions.newBuilder().setRecursive(true).build());
      require(!fs.exists(new AlluxioURI("/interop/moved")), "still there");
    });
    check("names with blanks, percent signs and Chinese", () -> {
      AlluxioURI path = new AlluxioURI("/interop/a b%20#文件");
      write(path, bytes(5, 1), WritePType.CACHE_THROUGH);
      equal("a b%20#文件", fs.getStatus(path).getName(), "name");
      require(fs.listStatus(new AlluxioURI("/interop")).stream().anyMatch(s -> s.getName().equals("a b%20#文件")), "not listed");
    });
    check("what appears in the under store is loaded with sync interval 0", () -> {
      write(new AlluxioURI("/interop/under/known"), bytes(5, 1), WritePType.CACHE_THROUGH);
      Path ufs = Path.of(fs.getStatus(new AlluxioURI("/interop/under")).getUfsPath());
      Files.write(ufs.resolve("new"), "new".getBytes(StandardCharsets.UTF_8));
      ListStatusPOptions sync = ListStatusPOptions.newBuilder().setCommonOptions(
          FileSystemMasterCommonPOptions.newBuilder().setSyncIntervalMs(0)).build();
      equal(2, fs.listStatus(new AlluxioURI("/interop/under"), sync).size(), "children");
      Files.write(ufs.resolve("new"), "newer content".getBytes(StandardCharsets.UTF_8));
      fs.listStatus(new AlluxioURI("/interop/under"), sync);
      try (FileInStream in = fs.openFile(new AlluxioURI("/interop/under/new"))) {
        equal("newer content", new String(in.readAllBytes(), StandardCharsets.UTF_8), "content");
      }
      Files.delete(ufs.resolve("new"));
      equal(1, fs.listStatus(new AlluxioURI("/interop/under"), sync).size(), "children after the delete");
    });
  }

  private void attributes() {
    AlluxioURI path = new AlluxioURI("/interop/attributes");
    check("set attribute: mode, pin, TTL, replication", () -> {
      write(path, bytes(10, 1), WritePType.CACHE_THROUGH);
      fs.setAttribute(path, SetAttributePOptions.newBuilder().setMode(PMode.newBuilder()
          .setOwnerBits(Bits.ALL).setGroupBits(Bits.READ).setOtherBits(Bits.NONE)).build());
      equal(0740, fs.getStatus(path).getMode(), "mode");
      fs.setAttribute(path, SetAttributePOptions.newBuilder().setPinned(true).build());
      require(fs.getStatus(path).isPinned(), "not pinned");
      fs.setAttribute(path, SetAttributePOptions.newBuilder().setCommonOptions(FileSystemMasterCommonPOptions.newBuilder()
          .setTtl(3_600_000).setTtlAction(TtlAction.FREE)).build());
      equal(3_600_000L, fs.getStatus(path).getTtl(), "ttl");
      fs.setAttribute(path, SetAttributePOptions.newBuilder().setReplicationMin(1).setReplicationMax(3).build());
      URIStatus status = fs.getStatus(path);
      equal(1, status.getReplicationMin(), "min");
      equal(3, status.getReplicationMax(), "max");
      equal(0740, status.getMode(), "mode afterwards");
      equal(3_600_000L, status.getTtl(), "ttl afterwards");
      fs.setAttribute(path, SetAttributePOptions.newBuilder().setPinned(false).build());
      require(!fs.getStatus(path).isPinned(), "still pinned");
    });
    check("set owner", () -> {
      fs.setAttribute(path, SetAttributePOptions.newBuilder().setOwner("nobody").build());
      equal("nobody", fs.getStatus(path).getOwner(), "owner");
    });
    check("xattr", () -> {
      AlluxioURI x = new AlluxioURI("/interop/xattr");
      fs.createFile(x, CreateFilePOptions.newBuilder()
          .putXattr("key", alluxioBytes("value")).build()).close();
      equal("value", new String(fs.getStatus(x).getXAttr().get("key"), StandardCharsets.UTF_8), "xattr");
    });
  }

  private static alluxio.shaded.client.com.google.protobuf.ByteString alluxioBytes(String s) {
    return alluxio.shaded.client.com.google.protobuf.ByteString.copyFromUtf8(s);
  }

  private void acls() {
    check("set and get ACL", () -> {
      AlluxioURI dir = new AlluxioURI("/interop/acl");
      fs.createDirectory(dir);
      fs.setAcl(dir, SetAclAction.MODIFY,
          List.of(AclEntry.fromCliString("user:bob:rwx"), AclEntry.fromCliString("default:user:bob:r-x")));
      URIStatus status = fs.getStatus(dir);
      require(status.getAcl().toString().contains("user:bob:rwx"), "acl " + status.getAcl());
      require(status.getDefaultAcl().toString().contains("bob"), "default acl " + status.getDefaultAcl());
      fs.listStatus(new AlluxioURI("/interop"));
      fs.setAcl(dir, SetAclAction.REMOVE_ALL, List.of());
      require(!fs.getStatus(dir).getAcl().toString().contains("bob"), "acl after removal");
    });
  }

  private void mounts() {
    AlluxioURI point = new AlluxioURI("/interop/mounted");
    check("mount with options, list, update, read-only, unmount", () -> {
      Path store = Files.createDirectory(local.resolve("store" + System.nanoTime()));
      Files.write(store.resolve("object"), "before".getBytes(StandardCharsets.UTF_8));
      fs.mount(point, new AlluxioURI(store.toString()), MountPOptions.newBuilder().setShared(true).build());
      equal(1, fs.listStatus(point).size(), "children");
      require(fs.getMountTable().get("/interop/mounted") != null, "not in the table");
      require(fs.getMountTable().get("/interop/mounted").getShared(), "not shared");
      write(new AlluxioURI("/interop/mounted/written"), bytes(10, 1), WritePType.CACHE_THROUGH);
      require(Files.size(store.resolve("written")) == 10, "not written through");
      fs.updateMount(point, MountPOptions.newBuilder().setReadOnly(true).build());
      boolean refused = false;
      try {
        write(new AlluxioURI("/interop/mounted/again"), bytes(10, 1), WritePType.CACHE_THROUGH);
      } catch (AccessControlException e) {
        refused = true;
      }
      require(refused, "a read-only mount was written to");
      fs.unmount(point);
      require(!fs.exists(point) && Files.exists(store.resolve("object")), "unmounted wrongly");
    });
    suite.refused("unmount of no mount point" + mode, InvalidPathException.class, "mount point", () -> fs.unmount(new AlluxioURI("/interop")));
  }

  private void cluster() {
    check("workers, capacity", () -> {
      require(!context.getCachedWorkers().isEmpty(), "no worker");
      try (CloseableResource<BlockMasterClient> client = context.acquireBlockMasterClientResource()) {
        require(client.get().getCapacityBytes() > 0, "no capacity");
        require(client.get().getUsedBytes() > 0, "nothing used");
        require(client.get().getWorkerInfoList().get(0).getCapacityBytes() > 0, "worker without capacity");
      }
    });
    check("cluster defaults", () ->
        equal(Long.valueOf(BLOCK), context.getClusterConf().getBytes(PropertyKey.USER_BLOCK_SIZE_BYTES_DEFAULT), "block size"));
  }

  private void errors() {
    AlluxioURI none = new AlluxioURI("/interop/none");
    AlluxioURI file = new AlluxioURI("/interop/empty");
    AlluxioURI dir = new AlluxioURI("/interop/full");
    check("prepare a full folder", () -> {
      fs.createDirectory(dir);
      write(new AlluxioURI("/interop/full/f"), bytes(1, 1), WritePType.MUST_CACHE);
    });
    suite.refused("missing path" + mode, FileDoesNotExistException.class, "/interop/none", () -> fs.getStatus(none));
    suite.refused("open of a missing path" + mode, FileDoesNotExistException.class, "/interop/none", () -> fs.openFile(none));
    suite.refused("open of a folder" + mode, AlluxioException.class, "directory", () -> fs.openFile(dir));
    suite.refused("create of an existing file" + mode, FileAlreadyExistsException.class, "/interop/empty", () -> fs.createFile(file));
    suite.refused("mkdir of an existing folder" + mode, FileAlreadyExistsException.class, "/interop/full", () -> fs.createDirectory(dir));
    suite.refused("delete of a full folder" + mode, DirectoryNotEmptyException.class, "full", () -> fs.delete(dir));
    suite.refused("delete of a missing path" + mode, FileDoesNotExistException.class, "/interop/none", () -> fs.delete(none));
    suite.refused("rename onto an existing path" + mode, FileAlreadyExistsException.class, "/interop", () -> fs.rename(file, dir));
    suite.refused("rename into itself" + mode, InvalidPathException.class, "prefix", () -> fs.rename(dir, new AlluxioURI("/interop/full/x")));
    suite.refused("a file as parent" + mode, InvalidPathException.class, "/interop/empty", () -> fs.createFile(new AlluxioURI("/interop/empty/x")));
    suite.refused("delete of the root" + mode, InvalidPathException.class, "root", () ->
        fs.delete(new AlluxioURI("/"), DeletePOptions.newBuilder().setRecursive(true).build()));
  }

  private void parallel() {
    check("64 parallel readers", () -> {
      byte[] data = bytes(3 * BLOCK + 12345, 1);
      AlluxioURI path = new AlluxioURI("/interop/file_CACHE_THROUGH");
      ExecutorService pool = Executors.newFixedThreadPool(64);
      List<Future<?>> readers = new ArrayList<>();
      for (int i = 0; i < 64; i++) {
        readers.add(pool.submit(() -> {
          try (FileInStream in = fs.openFile(path)) {
            require(Arrays.equals(data, in.readAllBytes()), "other bytes");
          }
          return null;
        }));
      }
      for (Future<?> reader : readers) {
        reader.get();
      }
      pool.shutdown();
    });
  }

  private void write(AlluxioURI path, byte[] data, WritePType type) throws Exception {
    CreateFilePOptions options = CreateFilePOptions.newBuilder().setWriteType(type).setRecursive(true)
        .setBlockSizeBytes(BLOCK).build();
    try (FileOutStream out = fs.createFile(path, options)) {
      out.write(data);
    }
  }

  interface Condition {
    boolean holds() throws Exception;
  }

  static void until(String what, Condition condition) throws Exception {
    long deadline = System.nanoTime() + 30_000_000_000L;
    while (!condition.holds()) {
      require(System.nanoTime() < deadline, "not in 30 s: " + what);
      Thread.sleep(50);
    }
  }

  static byte[] bytes(int size, long seed) {
    byte[] b = new byte[size];
    new Random(seed).nextBytes(b);
    return b;
  }
}
