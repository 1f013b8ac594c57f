package kodotest

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// The golden vectors were made with Qiniu's Go SDK and checked with openssl.
func TestGoldenSignatures(t *testing.T) {
	form := http.Header{"Content-Type": {formType}}
	dated := http.Header{"Content-Type": {formType}, "X-Qiniu-Date": {"20260102T030405Z"}}
	entry := base64.URLEncoding.EncodeToString([]byte("bkt:a b/中.txt"))
	if want := "Ymt0OmEgYi_kuK0udHh0"; entry != want {
		t.Errorf("entry = %s, want %s", entry, want)
	}
	for _, c := range []struct{ name, data, want string }{
		{"hello", "hello", "ak:NDN8cM0rwosxhHJ6QAcI7ialr0g="},
		{"world", "world", "ak:wZ-sw41ayh3PFDmQA-D3o7eBJIY="},
		{"delete", qiniuData("POST", "/delete/"+entry, "rs-z0.qiniuapi.com:8080", dated, nil), "ak:ynSOdyO9rENPphBhehS68Dkad6g="},
		{"list go", qiniuData("GET", "/list?bucket=bkt&limit=10&prefix=a%2Fb", "rsf-z0.qiniuapi.com", form, nil), "ak:yKj_a4nOxUN6k5TbC2d0S2Nt5yc="},
		{"list java", qiniuData("GET", "/list?bucket=bkt&limit=10&prefix=a%2Fb", "rsf-z0.qiniuapi.com", nil, nil), "ak:r1zCyC7fZuaQ5HsqiPzpjx1zrN8="},
		{"batch qiniu", qiniuData("POST", "/batch", "rs-z0.qiniuapi.com", form, []byte("op=%2Fstat%2FYmt0OmE%3D")), "ak:xe0ql0OsD7c86_GpSPUMbuU72nM="},
		{"batch qbox", qboxData("/batch", formType, []byte("op=%2Fstat%2FYmt0OmE%3D")), "ak:BTqRFnOdnOtX9jY_C2b_gAIC1j8="},
		{"url", "http://io-src.example.com:9000/a%20b/%E4%B8%AD.txt?x=1&e=1767225600", "ak:27buQJtzs4-910EKSsYvS_ZbyVE="},
	} {
		if got := tok("ak", "sk", c.data); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func testVerifier(at time.Time) *verifier {
	return &verifier{keys: map[string]string{"ak": "sk"}, now: func() time.Time { return at }}
}

func TestGoldenUploadToken(t *testing.T) {
	v := testVerifier(time.Unix(1767225600, 0))
	const token = "ak:LrZfR-GqPt3Pc5L0ipPVp5MF7fY=:eyJkZWFkbGluZSI6MTc2NzIyNTYwMCwic2NvcGUiOiJia3Q6YS9iIn0="
	for _, accepted := range []string{token, ":12345:" + token} {
		p, err := v.upload(accepted)
		if err != nil {
			t.Fatalf("%s: %v", accepted, err)
		}
		if p.Scope != "bkt:a/b" || p.expired(v.now()) || !p.expired(v.now().Add(time.Second)) {
			t.Errorf("policy %+v", p)
		}
	}
	for _, refused := range []string{"", "ak:x", token[:len(token)-1], "zz" + token[2:], "ak:LrZfR-GqPt3Pc5L0ipPVp5MF7fY=:eyJz"} {
		if _, err := v.upload(refused); err == nil {
			t.Errorf("accepted %q", refused)
		}
	}
}

func TestGoldenDownloadLink(t *testing.T) {
	const link = "http://io-src.example.com:9000/a%20b/%E4%B8%AD.txt?x=1&e=1767225600&token=ak:27buQJtzs4-910EKSsYvS_ZbyVE="
	verdict := func(at int64, link string) error {
		r := httptest.NewRequest(http.MethodGet, link, nil)
		r.RequestURI = r.URL.RequestURI()
		return testVerifier(time.Unix(at, 0)).download(r)
	}
	if err := verdict(1767225600, link); err != nil {
		t.Errorf("golden link: %v", err)
	}
	if err := verdict(1767225601, link); err != errExpired {
		t.Errorf("late: %v", err)
	}
	if err := verdict(0, "http://io-src.example.com:9000/a%20c?e=1767225600&token=ak:27buQJtzs4-910EKSsYvS_ZbyVE="); err != errBadToken {
		t.Errorf("other path: %v", err)
	}
	if err := verdict(0, "http://io-src.example.com:9000/a"); err != errNoToken {
		t.Errorf("unsigned: %v", err)
	}
}

func TestPolicyScope(t *testing.T) {
	key := func(s string) *string { return &s }
	for _, c := range []struct {
		scope    string
		prefixal int
		bucket   string
		key      *string
		want     error
	}{
		{"b", 0, "b", key("x"), nil},
		{"b", 0, "b", nil, nil},
		{"b", 0, "c", key("x"), errWrongBucket},
		{"b:k:1", 0, "b", key("k:1"), nil},
		{"b:k", 0, "b", key("k2"), errScope},
		{"b:k", 1, "b", key("k2"), nil},
		{"b:k", 1, "b", key("j"), errScope},
		{"b:", 0, "b", key(""), nil},
	} {
		p := &policy{Scope: c.scope, Prefixal: c.prefixal}
		if err := p.admits(c.bucket, c.key); err != c.want {
			t.Errorf("scope %s admits %s/%v: %v, want %v", c.scope, c.bucket, c.key, err, c.want)
		}
	}
}

func TestClockSkew(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	v := testVerifier(at)
	for date, want := range map[string]error{
		"":                 nil,
		"20260102T030405Z": nil,
		"20260102T031900Z": nil,
		"20260102T032000Z": errSkewed,
		"20260102T024800Z": errSkewed,
	} {
		if err := v.checkDate(date); err != want {
			t.Errorf("%s: %v, want %v", date, err, want)
		}
	}
	if err := v.checkDate("yesterday"); err == nil {
		t.Error("accepted a malformed date")
	}
}
