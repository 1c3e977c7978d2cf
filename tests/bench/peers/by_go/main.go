// The job with Go's net/http and goquery and nothing else: no robots.txt, no retries, no store, no resuming.
//
// Called with the file to write, how many requests may be on their way at once, and the URLs to begin with.
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/PuerkitoBio/goquery"
)

const aDomain = 8

type shop struct {
	client  *http.Client
	hosts   map[string]bool
	lock    sync.Mutex
	changed *sync.Cond
	seen    map[string]bool
	todo    []string
	open    int
	out     *json.Encoder
}

func (s *shop) take() (string, bool) {
	s.lock.Lock()
	defer s.lock.Unlock()
	for len(s.todo) == 0 && s.open > 0 {
		s.changed.Wait()
	}
	if len(s.todo) == 0 {
		return "", false
	}
	next := s.todo[0]
	s.todo = s.todo[1:]
	return next, true
}

func (s *shop) work(done *sync.WaitGroup) {
	defer done.Done()
	for {
		page, more := s.take()
		if !more {
			return
		}
		item, links := s.fetch(page)
		s.lock.Lock()
		if item != nil {
			if err := s.out.Encode(item); err != nil {
				log.Fatal(err)
			}
		}
		for _, link := range links {
			if !s.seen[link] {
				s.seen[link] = true
				s.todo = append(s.todo, link)
				s.open++
			}
		}
		s.open--
		s.changed.Broadcast()
		s.lock.Unlock()
	}
}

func (s *shop) fetch(page string) (map[string]string, []string) {
	answer, err := s.client.Get(page)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	document, err := goquery.NewDocumentFromReader(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	base := answer.Request.URL
	var links []string
	document.Find("a[href]").Each(func(_ int, link *goquery.Selection) {
		href, _ := link.Attr("href")
		target, err := base.Parse(href)
		if err == nil && s.hosts[target.Host] {
			target.Fragment = ""
			links = append(links, target.String())
		}
	})
	product := document.Find("article.product")
	if product.Length() == 0 {
		return nil, links
	}
	text := func(selector string) string { return strings.TrimSpace(product.Find(selector).First().Text()) }
	return map[string]string{
		"title":       text("h1"),
		"price":       text("span.price"),
		"sku":         text("span.sku"),
		"stock":       text("p.stock"),
		"description": text("div.description p"),
	}, links
}

func main() {
	file, err := os.Create(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	writer := bufio.NewWriter(file)
	atOnce, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: aDomain, MaxConnsPerHost: aDomain}
	s := &shop{
		client: &http.Client{Transport: transport},
		hosts:  map[string]bool{},
		seen:   map[string]bool{},
		out:    json.NewEncoder(writer),
	}
	s.changed = sync.NewCond(&s.lock)
	for _, start := range os.Args[3:] {
		parsed, err := url.Parse(start)
		if err != nil {
			log.Fatal(err)
		}
		s.hosts[parsed.Host] = true
		s.seen[start] = true
		s.todo = append(s.todo, start)
	}
	s.open = len(s.todo)
	var done sync.WaitGroup
	for i := 0; i < atOnce; i++ {
		done.Add(1)
		go s.work(&done)
	}
	done.Wait()
	if err := writer.Flush(); err != nil {
		log.Fatal(err)
	}
	if err := file.Close(); err != nil {
		log.Fatal(err)
	}
}
