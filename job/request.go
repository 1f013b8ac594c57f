package job

import (
	"slices"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// The classes of requests.
const (
	loadClass    = "alluxio.job.cmd.load.LoadCliConfig"
	migrateClass = "alluxio.job.cmd.migrate.MigrateCliConfig"
)

// loadRequest is what `fs distributedLoad` of the Java shell submits.
type loadRequest struct {
	path     string
	replicas int
	// Workers and places that are to be used or not; empty means all.
	workers, notWorkers, places, notPlaces []string
}

// parseRequest reads a submitted command.
func parseRequest(b []byte) (loadRequest, error) {
	o, err := readJava(b)
	if err != nil {
		return loadRequest{}, err
	}
	switch o.class {
	case loadClass:
		return newLoadRequest(o)
	case migrateClass:
		return loadRequest{}, errors.Errorf(errors.Unsupported,
			"Copying is not done by this cluster's job service. Use `alluxio fs distributedCp` or `distributedMv` of the cluster's own command line, or `fs cp -R`.")
	}
	return loadRequest{}, errors.Errorf(errors.Invalid, "A %s is no command.", o.class)
}

func newLoadRequest(o *javaObject) (loadRequest, error) {
	var req loadRequest
	path, ok := o.fields["mFilePath"].(string)
	replicas, ok2 := o.fields["mReplication"].(int32)
	if !ok || !ok2 {
		return req, errors.Errorf(errors.Invalid, "The request to load lacks its path or its number of copies.")
	}
	req.path, req.replicas = path, int(replicas)
	for name, to := range map[string]*[]string{
		"mWorkerSet": &req.workers, "mExcludedWorkerSet": &req.notWorkers,
		"mLocalityIds": &req.places, "mExcludedLocalityIds": &req.notPlaces,
	} {
		var err error
		if *to, err = texts(name, o.fields[name]); err != nil {
			return req, err
		}
	}
	return req, req.supported()
}

// texts returns the members of a set of strings, in order.
func texts(name string, v any) ([]string, error) {
	set, ok := v.(*javaObject)
	if !ok {
		return nil, errors.Errorf(errors.Invalid, "%s of the request is not a set.", name)
	}
	var members []string
	for _, m := range set.written {
		s, ok := m.(string)
		if !ok {
			return nil, errors.Errorf(errors.Invalid, "%s of the request is not a set of texts.", name)
		}
		members = append(members, s)
	}
	slices.Sort(members)
	return members, nil
}

// supported refuses what a load cannot do here.
func (r *loadRequest) supported() error {
	switch {
	case r.replicas > 1:
		return errors.Errorf(errors.Unsupported,
			"distributedLoad --replication %d is not supported by this cluster. Load one copy, then use `alluxio fs setReplication --min %d`.", r.replicas, r.replicas)
	case len(r.workers)+len(r.notWorkers)+len(r.places)+len(r.notPlaces) > 0:
		return errors.Errorf(errors.Unsupported,
			"distributedLoad with hosts or localities is not supported by this cluster. Use `alluxio fs load --local` on the hosts that should have copies.")
	}
	return nil
}
