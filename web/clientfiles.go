package web

import (
	"context"
	"io"
	"log/slog"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// ClientFiles reads files, and finds their paths and ids, as a client that is
// no user of the cluster: it sees what others may see.
type ClientFiles struct{ client *client.Client }

// NewClientFiles returns ClientFiles of the cluster that conf names. It makes no
// connection.
func NewClientFiles(conf *config.Config, logger *slog.Logger) (*ClientFiles, error) {
	c, err := client.New(conf, client.Options{User: stranger.User, Logger: logger})
	if err != nil {
		return nil, err
	}
	return &ClientFiles{c}, nil
}

// Close ends its connections.
func (c *ClientFiles) Close() error { return c.client.Close() }

// ReadFileAt implements FileReader. It caches nothing and leaves the time of
// the last access alone.
func (c *ClientFiles) ReadFileAt(ctx context.Context, path string, offset int64, length int) ([]byte, error) {
	if length <= 0 {
		return nil, nil
	}
	r, err := c.client.Open(ctx, path, client.OpenOptions{ReadType: client.NoCache, KeepAccessTime: true})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b := make([]byte, length)
	n, err := r.ReadAt(b, offset)
	if err == io.EOF || errors.Is(err, errors.OutOfRange) {
		err = nil
	}
	return b[:n], err
}

// FilePath implements FileNames.
func (c *ClientFiles) FilePath(ctx context.Context, id blockid.FileID) (string, error) {
	path, err := c.client.FilePath(ctx, int64(id))
	if err != nil {
		return "", err
	}
	if _, err := c.FileID(ctx, path); err != nil { // may a stranger know of it?
		return "", err
	}
	return path, nil
}

// FileID implements FileNames.
func (c *ClientFiles) FileID(ctx context.Context, path string) (blockid.FileID, error) {
	info, err := c.client.Stat(ctx, path, client.StatOptions{})
	if err != nil {
		return 0, err
	}
	return blockid.FileID(info.FileID), nil
}
