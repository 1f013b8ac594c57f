package main

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"io"

	"github.com/spf13/cobra"

	"github.com/alluxio-go/alluxio/client"
)

func newCatCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "cat PATH...",
		Short:   "Print the content of files",
		Example: examples("fs cat /data/f", "fs cat '/logs/*.txt' | grep error"),
		Args:    argCount(1, -1),
		RunE: onEach(env, func(ctx context.Context, sh *shell, path string) error {
			return sh.copyRange(ctx, path, 0, -1, "", sh.Stdout)
		}),
	}
}

func newHeadCmd(env *Env) *cobra.Command {
	return newPartCmd(env, "head", "Print the beginning of files", func(size, part int64) int64 { return 0 })
}

func newTailCmd(env *Env) *cobra.Command {
	return newPartCmd(env, "tail", "Print the end of files", func(size, part int64) int64 { return max(size-part, 0) })
}

// newPartCmd returns head or tail; begin returns where the part begins.
func newPartCmd(env *Env, name, short string, begin func(size, part int64) int64) *cobra.Command {
	var count string
	cmd := &cobra.Command{
		Use:     name + " [-c BYTES] PATH...",
		Short:   short,
		Example: examples("fs "+name+" /data/f", "fs "+name+" -c 4KB /data/f"),
		Args:    argCount(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			part, err := sizeFlag("-c", count)
			if err != nil {
				return err
			}
			return onEach(env, func(ctx context.Context, sh *shell, path string) error {
				info, err := sh.statFile(ctx, path)
				if err != nil {
					return err
				}
				return sh.copyRange(ctx, path, begin(info.Length, part), part, "", sh.Stdout)
			})(cmd, args)
		},
	}
	cmd.Flags().StringVarP(&count, "bytes", "c", "1KB", "how much to print")
	return cmd
}

func newChecksumCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "checksum PATH...",
		Short:   "Print the MD5 of files",
		Example: examples("fs checksum /data/f"),
		Args:    argCount(1, -1),
		RunE: onEach(env, func(ctx context.Context, sh *shell, path string) error {
			sum := md5.New()
			if err := sh.copyRange(ctx, path, 0, -1, client.NoCache, sum); err != nil {
				return err
			}
			sh.printf("md5sum: %s\n", hex.EncodeToString(sum.Sum(nil)))
			return nil
		}),
	}
}

// copyRange writes length bytes (negative: all) from an offset of a file to w.
func (sh *shell) copyRange(ctx context.Context, path string, offset, length int64, readType client.ReadType, w io.Writer) error {
	if _, err := sh.statFile(ctx, path); err != nil {
		return err
	}
	r, err := sh.fs.Open(ctx, path, client.OpenOptions{ReadType: readType})
	if err != nil {
		return err
	}
	defer r.Close()
	if _, err := r.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	var from io.Reader = r
	if length >= 0 {
		from = io.LimitReader(r, length)
	}
	_, err = io.Copy(w, from)
	return err
}
