package cachesim

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// Plot is one chart of a picture.
type Plot struct {
	Title  string
	Curves []Curve
	Labels []string // of the sizes
}

const (
	svgWidth, svgHeight = 460, 300 // of a plot
	svgLeft, svgBottom  = 45, 60
	svgInnerW           = svgWidth - svgLeft - 15
	svgInnerH           = svgHeight - svgBottom - 30
)

// svgColours are told apart by people who do not see red and green as different too.
var svgColours = [...]string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#777777", "#e69f00"}

// WriteSVG writes a picture of plots, columns of them side by side.
func WriteSVG(w io.Writer, plots []Plot, columns int) error {
	rows := (len(plots) + columns - 1) / columns
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="11">`+"\n", columns*svgWidth, rows*svgHeight)
	b.WriteString(`<rect width="100%" height="100%" fill="white"/>` + "\n")
	for i, p := range plots {
		fmt.Fprintf(&b, `<g transform="translate(%d,%d)">`+"\n", i%columns*svgWidth, i/columns*svgHeight)
		p.svg(&b)
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (p *Plot) svg(b *strings.Builder) {
	top := axisTop(p.Curves)
	x := func(pt Point) float64 { return svgLeft + svgInnerW*position(p.Curves[0].Points, pt.Bytes) }
	y := func(ratio float64) float64 { return 30 + svgInnerH*(1-ratio/top) }
	fmt.Fprintf(b, `<text x="%d" y="18" font-size="13">%s</text>`+"\n", svgLeft, html.EscapeString(p.Title))
	for r := 0.0; r <= top+0.01; r += top / 5 {
		fmt.Fprintf(b, `<path d="M%d %.1fh%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.0f%%</text>`+"\n", svgLeft, y(r), svgInnerW, svgLeft-4, y(r)+4, 100*r)
	}
	for i, pt := range p.Curves[0].Points {
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x(pt), 30+svgInnerH+14, html.EscapeString(p.Labels[i]))
	}
	for i := len(p.Curves) - 1; i >= 0; i-- {
		c, colour := p.Curves[i], svgColours[i%len(svgColours)]
		var points []string
		for _, pt := range c.Points {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(pt), y(pt.Ratio)))
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="2.5" fill="%s"/>`, x(pt), y(pt.Ratio), colour)
		}
		fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>`, strings.Join(points, " "), colour)
		fmt.Fprintf(b, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", svgLeft+i*75, svgHeight-15, colour, html.EscapeString(c.Name))
	}
}
