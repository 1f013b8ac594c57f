package interop;

import static interop.Suite.equal;
import static interop.Suite.require;

import alluxio.AlluxioURI;
import alluxio.client.file.FileSystem;
import alluxio.client.file.FileSystemContext;
import alluxio.client.file.FileSystemMasterClient;
import alluxio.client.file.URIStatus;
import alluxio.conf.Configuration;
import alluxio.conf.InstancedConfiguration;
import alluxio.conf.PropertyKey;
import alluxio.conf.Source;
import alluxio.exception.AccessControlException;
import alluxio.grpc.Bits;
import alluxio.grpc.CheckAccessPOptions;
import alluxio.grpc.CreateDirectoryPOptions;
import alluxio.grpc.CreateFilePOptions;
import alluxio.grpc.DeletePOptions;
import alluxio.grpc.JobProgressReportFormat;
import alluxio.grpc.ListStatusPOptions;
import alluxio.grpc.LoadMetadataPType;
import alluxio.grpc.MountPOptions;
import alluxio.grpc.PMode;
import alluxio.grpc.SetAttributePOptions;
import alluxio.grpc.WritePType;
import alluxio.job.JobDescription;
import alluxio.job.JobRequest;
import alluxio.resource.CloseableResource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;

/** Other users, other ways to the master, and the rarer calls of the FileSystem client. */
final class Others {
  private static final int MANY = 20_000;

  private final Suite suite;
  private final String host;
  private final int port;
  private final Path local;

  Others(Suite suite, String host, int port, Path local) {
    this.suite = suite;
    this.host = host;
    this.port = port;
    this.local = local;
  }

  private InstancedConfiguration conf() {
    InstancedConfiguration conf = Configuration.copyGlobal();
    conf.set(PropertyKey.MASTER_HOSTNAME, host, Source.RUNTIME);
    conf.set(PropertyKey.MASTER_RPC_PORT, port, Source.RUNTIME);
    conf.set(PropertyKey.USER_RPC_RETRY_MAX_DURATION, "15sec", Source.RUNTIME);
    return conf;
  }

  void run() throws Exception {
    try (FileSystemContext context = FileSystemContext.create(conf())) {
      FileSystem fs = FileSystem.Factory.create(context);
      AlluxioURI base = new AlluxioURI("/others");
      if (fs.exists(base)) {
        fs.delete(base, DeletePOptions.newBuilder().setRecursive(true).build());
      }
      fs.createDirectory(base);
      rareCalls(fs, context);
      many(fs);
      anotherUser(fs);
      severalAddresses();
    }
  }

  private static final class AnyJob implements JobRequest {
    @Override
    public String getType() {
      return "load";
    }
  }

  private void rareCalls(FileSystem fs, FileSystemContext context) {
    AlluxioURI file = new AlluxioURI("/others/file");
    suite.check("iterate, load metadata", () -> {
      fs.createFile(file, CreateFilePOptions.newBuilder().setWriteType(WritePType.CACHE_THROUGH).build()).close();
      Path ufs = Path.of(fs.getStatus(file).getUfsPath()).getParent();
      Files.createDirectory(ufs.resolve("added"));
      Files.write(ufs.resolve("added").resolve("x"), new byte[3]);
      fs.loadMetadata(new AlluxioURI("/others"), ListStatusPOptions.newBuilder().setRecursive(true)
          .setLoadMetadataType(LoadMetadataPType.ALWAYS).setLoadMetadataOnly(true).build());
      Set<String> names = new HashSet<>();
      fs.iterateStatus(new AlluxioURI("/others"), ListStatusPOptions.newBuilder().setRecursive(true)
          .setLoadMetadataType(LoadMetadataPType.NEVER).build(), s -> names.add(s.getName()));
      equal(Set.of("file", "added", "x"), names, "names");
    });
    suite.check("path of a file id", () -> {
      try (CloseableResource<FileSystemMasterClient> client = context.acquireMasterClientResource()) {
        equal("/others/file", client.get().getFilePath(fs.getStatus(file).getFileId()), "path");
      }
    });
    suite.check("reverse resolve", () ->
        equal("/others/file", fs.reverseResolve(new AlluxioURI(fs.getStatus(file).getUfsPath())).getPath(), "path"));
    suite.check("access that is granted", () ->
        fs.checkAccess(file, CheckAccessPOptions.newBuilder().setBits(Bits.READ).build()));
    suite.check("sync points, needs sync", () -> {
      equal(0, fs.getSyncPathList().size(), "sync points");
      fs.needsSync(file);
    });
    suite.refused("start sync is refused", Exception.class, "not supported", () -> fs.startSync(file));
    suite.refused("stop sync is refused", Exception.class, "not supported", () -> fs.stopSync(file));
    JobDescription load = JobDescription.newBuilder().setType("load").setPath("/others").build();
    suite.refused("submit job is refused", Exception.class, "not supported", () -> fs.submitJob(new AnyJob()));
    suite.check("stop job", () -> require(!fs.stopJob(load), "a job was stopped that was never submitted"));
    suite.refused("job progress", Exception.class, "cannot be found", () -> fs.getJobProgress(load, JobProgressReportFormat.TEXT, false));
    suite.check("mount table", () -> {
      require(fs.getMountTable(false).containsKey("/"), "no root");
      require(fs.getMountTable(true).get("/").getUfsCapacityBytes() > 0, "no capacity of the root");
    });
    suite.check("replication", () -> {
      fs.setAttribute(file, SetAttributePOptions.newBuilder().setReplicationMin(1).setReplicationMax(2).build());
      URIStatus status = fs.getStatus(file);
      equal("1 to 2", status.getReplicationMin() + " to " + status.getReplicationMax(), "replication");
    });
    suite.check("update mount", () -> {
      AlluxioURI point = new AlluxioURI("/others/updated");
      Path store = Files.createDirectory(local.resolve("updated"));
      fs.mount(point, new AlluxioURI(store.toString()));
      fs.updateMount(point, MountPOptions.newBuilder().setReadOnly(true).setShared(true).build());
      require(fs.getMountTable(false).get("/others/updated").getReadOnly(), "not read-only");
      fs.updateMount(point, MountPOptions.newBuilder().setReadOnly(false).build());
      fs.createDirectory(new AlluxioURI("/others/updated/dir"),
          CreateDirectoryPOptions.newBuilder().setWriteType(WritePType.CACHE_THROUGH).build());
      require(Files.isDirectory(store.resolve("dir")), "not writable again");
      fs.unmount(point);
    });
  }

  private void many(FileSystem fs) {
    suite.check("list 20,000 entries", () -> {
      Path store = Files.createDirectory(local.resolve("many"));
      for (int i = 0; i < MANY; i++) {
        Files.createFile(store.resolve(String.format("entry%05d", i)));
      }
      AlluxioURI point = new AlluxioURI("/others/many");
      fs.mount(point, new AlluxioURI(store.toString()));
      equal(MANY, fs.listStatus(point).size(), "entries");
      AtomicInteger n = new AtomicInteger();
      fs.iterateStatus(point, s -> n.incrementAndGet());
      equal(MANY, n.get(), "entries iterated over");
      fs.unmount(point);
    });
  }

  private void anotherUser(FileSystem owner) throws Exception {
    AlluxioURI secret = new AlluxioURI("/others/secret");
    owner.createDirectory(secret, CreateDirectoryPOptions.newBuilder().setMode(PMode.newBuilder()
        .setOwnerBits(Bits.ALL).setGroupBits(Bits.NONE).setOtherBits(Bits.NONE)).build());
    owner.createFile(new AlluxioURI("/others/secret/file")).close();
    InstancedConfiguration conf = conf();
    conf.set(PropertyKey.SECURITY_LOGIN_USERNAME, "mallory", Source.RUNTIME);
    try (FileSystemContext context = FileSystemContext.create(conf)) {
      FileSystem fs = FileSystem.Factory.create(context);
      String denied = "Permission denied: user=mallory";
      AlluxioURI file = new AlluxioURI("/others/file");
      suite.refused("another user's status", AccessControlException.class, denied, () -> fs.getStatus(new AlluxioURI("/others/secret/file")));
      suite.refused("another user's list", AccessControlException.class, denied, () -> fs.listStatus(secret));
      suite.refused("another user's mkdir", AccessControlException.class, denied, () -> fs.createDirectory(new AlluxioURI("/others/x")));
      suite.refused("another user's create", AccessControlException.class, denied, () -> fs.createFile(new AlluxioURI("/others/x")));
      suite.refused("another user's delete", AccessControlException.class, denied, () -> fs.delete(file));
      suite.refused("another user's rename", AccessControlException.class, denied, () -> fs.rename(file, new AlluxioURI("/others/y")));
      suite.refused("another user's chmod", AccessControlException.class, "", () ->
          fs.setAttribute(file, SetAttributePOptions.newBuilder().setMode(PMode.newBuilder()
              .setOwnerBits(Bits.ALL).setGroupBits(Bits.ALL).setOtherBits(Bits.ALL)).build()));
      suite.refused("another user's chown", AccessControlException.class, "", () ->
          fs.setAttribute(file, SetAttributePOptions.newBuilder().setOwner("mallory").build()));
      suite.refused("access that is denied", AccessControlException.class, denied, () ->
          fs.checkAccess(file, CheckAccessPOptions.newBuilder().setBits(Bits.WRITE).build()));
      suite.check("another user's own file", () -> {
        owner.createDirectory(new AlluxioURI("/others/open"), CreateDirectoryPOptions.newBuilder().setMode(PMode.newBuilder()
            .setOwnerBits(Bits.ALL).setGroupBits(Bits.ALL).setOtherBits(Bits.ALL)).build());
        AlluxioURI own = new AlluxioURI("/others/open/file");
        fs.createFile(own).close();
        equal("mallory", fs.getStatus(own).getOwner(), "owner");
      });
    }
  }

  private void severalAddresses() {
    suite.check("several master addresses, the first without a master", () -> {
      InstancedConfiguration conf = conf();
      conf.set(PropertyKey.MASTER_RPC_ADDRESSES, host + ":1," + host + ":" + port, Source.RUNTIME);
      try (FileSystemContext context = FileSystemContext.create(conf)) {
        require(FileSystem.Factory.create(context).exists(new AlluxioURI("/others")), "missing");
      }
    });
  }
}
