package kodo

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// linkLife is how long a download link is good for. Each request gets a new one.
const linkLife = time.Hour

// link returns the signed link of an object. What is signed is what is sent.
func (s *Store) link(key string) string {
	link := fmt.Sprintf("%s/%s?e=%d", s.route.base, escapeKey(key), s.run.clock.now().Add(linkLife).Unix())
	return link + "&token=" + s.set.accessKey + ":" + sign(s.set.secretKey, link)
}

// sign returns the signature of text.
func sign(secretKey, text string) string {
	h := hmac.New(sha1.New, []byte(secretKey))
	h.Write([]byte(text))
	return base64.URLEncoding.EncodeToString(h.Sum(nil))
}

// escapeKey escapes a key for the path of a link, so that no character of it
// has a meaning in a URL.
func escapeKey(key string) string {
	const hex = "0123456789ABCDEF"
	b := make([]byte, 0, len(key))
	for i := range len(key) {
		c := key[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '/', c == '-', c == '_', c == '.', c == '~':
			b = append(b, c)
		default:
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(b)
}

// signPolicy returns the upload token for a policy.
func (s *Store) signPolicy(policy any) (string, error) {
	text, err := json.Marshal(policy)
	if err != nil {
		return "", err
	}
	encoded := base64.URLEncoding.EncodeToString(text)
	return s.set.accessKey + ":" + sign(s.set.secretKey, encoded) + ":" + encoded, nil
}
