package client_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"

	"github.com/alluxio-go/alluxio/client"
	"github.com/alluxio-go/alluxio/internal/config"
)

// connect is how a program gets a client: from the site file and environment of
// its installation.
func connect() *client.Client {
	conf, err := config.Load(config.Options{Role: config.Client})
	if err != nil {
		log.Fatal(err)
	}
	c, err := client.New(conf, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	return c
}

func Example() {
	c := connect()
	defer c.Close()
	ctx := context.Background()

	w, err := c.Create(ctx, "/greetings/hello.txt", client.CreateOptions{Recursive: true, WriteType: client.CacheThrough})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.WriteString(w, "Hello, world!\n"); err != nil {
		w.Abort()
		log.Fatal(err)
	}
	if err := w.Close(); err != nil { // the file is visible and in the store now
		log.Fatal(err)
	}

	r, err := c.Open(ctx, "/greetings/hello.txt", client.OpenOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	if _, err := io.Copy(os.Stdout, r); err != nil {
		log.Fatal(err)
	}
}

func ExampleClient_List() {
	c := connect()
	defer c.Close()
	for info, err := range c.List(context.Background(), "/data", client.ListOptions{Recursive: true}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(info.Mode, info.Length, info.Path)
	}
}

func ExampleClient_Mount() {
	c := connect()
	defer c.Close()
	err := c.Mount(context.Background(), "/pictures", "kodo://bucket/pictures", client.MountOptions{
		ReadOnly: true,
		Properties: map[string]string{
			"fs.kodo.accesskey":                 os.Getenv("KODO_ACCESS_KEY"),
			"fs.kodo.secretkey":                 os.Getenv("KODO_SECRET_KEY"),
			"alluxio.underfs.kodo.endpoint":     "iovip.qbox.me",
			"alluxio.underfs.kodo.downloadhost": "pictures.example.com",
		},
	})
	if err != nil {
		log.Fatal(err)
	}
}

func ExampleClient_SetAttribute() {
	c := connect()
	defer c.Close()
	// Fields that are not set stay as they are.
	err := c.SetAttribute(context.Background(), "/data/model", client.Attributes{Pinned: new(true), Recursive: true})
	if err != nil {
		log.Fatal(err)
	}
}

func ExampleFS() {
	c := connect()
	defer c.Close()
	fsys := client.FS(context.Background(), c)
	matches, err := fs.Glob(fsys, "data/*.csv")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(matches)
}
