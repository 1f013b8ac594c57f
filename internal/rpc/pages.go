package rpc

import "sync"

// pageSizes are the sizes that buffers are pooled in.
var pageSizes = [...]int{4 << 10, 64 << 10, 256 << 10, ChunkBytes, 2 * ChunkBytes}

// pagePool recycles buffers without clearing them, which the pools of gRPC do at
// every use. It implements mem.BufferPool.
type pagePool [len(pageSizes)]sync.Pool

// Get returns a buffer of n bytes with arbitrary content.
func (p *pagePool) Get(n int) *[]byte {
	for i, size := range pageSizes {
		if n > size {
			continue
		}
		if page, ok := p[i].Get().(*[]byte); ok {
			*page = (*page)[:n]
			return page
		}
		page := make([]byte, n, size)
		return &page
	}
	page := make([]byte, n)
	return &page
}

// Put takes a buffer back. One of another size than Get makes is dropped.
func (p *pagePool) Put(page *[]byte) {
	for i, size := range pageSizes {
		if cap(*page) == size {
			p[i].Put(page)
			return
		}
	}
}
