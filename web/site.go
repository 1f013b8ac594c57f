package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/version"
)

//go:embed assets
var embedded embed.FS

// site is the frame around the pages of a process.
type site struct {
	process string // "Master", "Worker"
	config  *config.Config
	logger  *slog.Logger
	node    func() string // who this is, for the header
	nav     []navItem
	// back is a link to another process, "" for none.
	back, backText string
}

type navItem struct{ Path, Title string }

// frame is what the layout template shows.
type frame struct {
	Process, Node  string
	Title          string
	Nav            []navItem
	Back, BackText string
	Path           string // of this page
	Query          url.Values
	RefreshMS      int64
	Version        string
	FileInfo       bool
	Error          *Failure // instead of, or above, the view
	View           any
}

// pageTemplates are parsed once, by processes that show pages: layout plus one page each.
var pageTemplates = sync.OnceValue(parsePages)

func parsePages() map[string]*template.Template {
	layout := template.Must(template.New("layout.html").Funcs(templateFuncs).ParseFS(embedded, "assets/layout.html"))
	pages, err := fs.Glob(embedded, "assets/page_*.html")
	if err != nil {
		panic(err)
	}
	parsed := map[string]*template.Template{}
	for _, file := range pages {
		name := file[len("assets/page_") : len(file)-len(".html")]
		parsed[name] = template.Must(template.Must(layout.Clone()).ParseFS(embedded, file))
	}
	return parsed
}

var templateFuncs = template.FuncMap{
	"query":  query,
	"pager":  pager,
	"window": windowLinks,
	"size":   knownSize,
	"hostPort": func(host string, port int32) string {
		return "http://" + net.JoinHostPort(host, strconv.Itoa(int(port))) + "/"
	},
}

// query writes name, value pairs as a query.
func query(pairs ...any) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(fmt.Sprint(pairs[i]), fmt.Sprint(pairs[i+1]))
	}
	return "?" + q.Encode()
}

// link is a link of a pager; without Query it is where one is.
type link struct{ Text, Query string }

// pager links the pages of a list of total entries around the one shown.
func pager(total int, q url.Values) []link {
	p, err := pagingOf(q)
	if err != nil || total <= p.limit && p.offset == 0 {
		return nil
	}
	to := func(text string, offset int) link {
		next := url.Values{}
		for k, v := range q {
			next[k] = v
		}
		next.Set("offset", strconv.Itoa(offset))
		next.Set("limit", strconv.Itoa(p.limit))
		return link{text, "?" + next.Encode()}
	}
	at, last := p.offset/p.limit, max(0, (total-1)/p.limit)
	var links []link
	if at > 0 {
		links = append(links, to("‹ Previous", (at-1)*p.limit))
	}
	shown := []int{0, at - 2, at - 1, at, at + 1, at + 2, last}
	slices.Sort(shown)
	before := -1
	for _, n := range slices.Compact(shown) {
		if n < 0 || n > last {
			continue
		}
		if n > before+1 {
			links = append(links, link{"…", ""})
		}
		before = n
		if n == at {
			links = append(links, link{strconv.Itoa(n + 1), ""})
			continue
		}
		links = append(links, to(strconv.Itoa(n+1), n*p.limit))
	}
	if at < last {
		links = append(links, to("Next ›", (at+1)*p.limit))
	}
	return links
}

// windowLinks lead through a file of size bytes of which the window at offset
// is shown.
func windowLinks(path string, offset, size int64) []link {
	if size <= windowBytes {
		return nil
	}
	to := func(text string, at int64, possible bool) link {
		if !possible {
			return link{text, ""}
		}
		return link{text, query("path", path, "offset", max(0, at))}
	}
	return []link{
		to("« Begin", 0, offset > 0),
		to("‹ Previous 5 KB", offset-windowBytes, offset > 0),
		to("Next 5 KB ›", offset+windowBytes, offset+windowBytes < size),
		to("End »", size-windowBytes, offset+windowBytes < size),
	}
}

// page is the route of a page that shows a view.
func (s *site) page(path, name string, a Access, v view) route {
	return route{http.MethodGet, path, a, func(w http.ResponseWriter, r *http.Request) {
		data, err := v(r)
		s.render(w, r, name, data, err)
	}}
}

// render writes a page. A view that failed without a value is an error page.
func (s *site) render(w http.ResponseWriter, r *http.Request, name string, data any, err error) {
	f := frame{
		Process: s.process, Node: s.node(), Nav: s.nav, Back: s.back, BackText: s.backText,
		Path: r.URL.Path, Query: r.URL.Query(), RefreshMS: s.config.Duration(config.WebRefreshInterval).Milliseconds(),
		Version: version.Version, FileInfo: s.config.Bool(config.WebFileInfoEnabled), View: data,
	}
	if f.Path == "/" {
		f.Path = s.nav[0].Path
	}
	for _, n := range s.nav {
		if n.Path == f.Path {
			f.Title = n.Title
		}
	}
	if err != nil {
		f.Error = failureOf(err)
		if data == nil {
			name = "error"
		}
	}
	var b bytes.Buffer
	if terr := pageTemplates()[name].ExecuteTemplate(&b, "layout.html", f); terr != nil {
		s.logger.Error("a page cannot be rendered", "page", name, "error", terr)
		http.Error(w, "The page cannot be rendered; the log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(httpStatus(err))
	_, _ = b.WriteTo(w) // a client that left is not ours to tell
}

// notFound answers what no route does: programs in JSON, people with a page.
func (s *site) notFound(w http.ResponseWriter, r *http.Request) {
	err := errors.Errorf(errors.NotFound, "There is nothing at %s.", r.URL.Path)
	if !s.config.Bool(config.WebUIEnabled) || len(r.URL.Path) > 4 && r.URL.Path[:5] == "/api/" {
		writeJSON(w, http.StatusNotFound, failureOf(err))
		return
	}
	s.render(w, r, "error", nil, err)
}

// assetRoute serves styles, scripts and images.
func assetRoute() route {
	files, err := fs.Sub(embedded, "assets/static")
	if err != nil {
		panic(err)
	}
	serve := http.StripPrefix("/static/", http.FileServerFS(files))
	return route{http.MethodGet, "/static/{file}", Everyone, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=3600")
		serve.ServeHTTP(w, r)
	}}
}
