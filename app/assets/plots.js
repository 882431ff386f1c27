// A figure on a page, redrawn in place by Plotly.react (reasons: app/ui/plots.py).

let plotly // one promise per page: Plotly itself

function loaded(source) {
  plotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script")
    script.src = source // relative to the page, as Streamlit's own scripts are
    script.onload = () => resolve(window.Plotly)
    script.onerror = () => {
      plotly = undefined // the next figure tries again
      reject(new Error(`${source} could not be loaded`))
    }
    document.head.append(script)
  })
  return plotly
}

const ENLARGE = "M1 1h5v2H3v3H1zM10 1h5v5h-2V3h-3zM1 10h2v3h3v2H1zM13 10h2v5h-5v-2h3z"

const FULLSCREEN = {
  name: "fullscreen",
  title: "Full screen",
  icon: { width: 16, height: 16, path: ENLARGE },
  click: (place) => (document.fullscreenElement ? document.exitFullscreen() : place.requestFullscreen()),
}
// The same objects each time: a different configuration makes Plotly.react start again. A window's resize is not
// listened to, since the place is watched below, which also sees a column that grows.
const OWN = { responsive: false, modeBarButtonsToAdd: [FULLSCREEN] }

// A hidden curve is known by its name: Plotly itself counts places, and with a ghost beside each line another curve
// would be hidden.
function keepHidden(place, curves) {
  const before = (place.data ?? []).filter((curve) => curve.visible === "legendonly")
  const hidden = new Set(before.map((curve) => curve.name))
  for (const curve of curves) {
    if (!curve.name) continue
    // Plotly makes a CSS selector of it, so the name, which may contain anything, is spelt in digits and letters.
    const letters = [...curve.name].map((letter) => letter.codePointAt(0).toString(36))
    curve.uid = `${curve.showlegend === false ? "ghost" : "line"}-${letters.join("-")}`
    if (hidden.has(curve.name)) curve.visible = "legendonly"
  }
}

// Width and height in pixels; the place is made as high as its content.
function size(place, { layout }) {
  const { innerWidth, innerHeight } = window
  if (document.fullscreenElement === place) { // with the aspect ratio that it had on the page: maps are square
    return { width: Math.min(innerWidth, Math.round(innerHeight * place.shape)), height: innerHeight }
  }
  const { l = 80, r = 80, t = 100, b = 80 } = layout.margin ?? {}
  const width = (place.wide ||= place.clientWidth) // read once: each reading makes the browser lay out the page
  const fills = layout.meta?.fills // maps that keep their shape: lower where they are narrower
  const share = fills ? Math.min(1, (width - l - r) / (fills - l - r)) : 1
  const height = Math.round(t + b + (layout.height - t - b) * share)
  place.style.height = `${height}px`
  place.shape = width / height
  return { width, height }
}

async function draw(place) {
  const { figure, config, source } = place.latest
  let Plotly
  try {
    Plotly = await loaded(source)
  } catch (error) {
    place.textContent = `The picture could not be drawn: ${error.message}. Reload the page.`
    return
  }
  if (place.latest.figure !== figure || !place.isConnected) return // a later figure came, or the place was removed
  keepHidden(place, figure.data)
  await Plotly.react(place, figure.data, { ...figure.layout, ...size(place, figure) }, config)
  if (place.listens) return
  place.listens = true
  place.on("plotly_click", ({ points }) => {
    if (!points.length) return
    const { customdata, pointNumber } = points[0]
    place.clicked?.("clicked", { customdata: customdata ?? null, place: pointNumber ?? null })
  })
  let lastWidth = place.wide
  place.watch = new ResizeObserver(() => {
    if (place.clientWidth === lastWidth || !place.clientWidth) return
    lastWidth = place.clientWidth
    if (document.fullscreenElement !== place) place.wide = lastWidth
    Plotly.relayout(place, size(place, place.latest.figure))
  })
  place.watch.observe(place)
}

export default function ({ data, parentElement, setTriggerValue }) {
  let place = parentElement.querySelector(":scope > .convncf-figure")
  if (!place) {
    place = document.createElement("div")
    place.className = "convncf-figure"
    place.style.contain = "inline-size" // the column makes the figure's width, never the figure the column's
    place.setAttribute("role", "figure")
    parentElement.append(place)
  }
  place.clicked = setTriggerValue
  if (place.drawn !== data.figure) {
    place.drawn = data.figure
    const figure = JSON.parse(data.figure)
    size(place, figure)
    place.style.background = data.paper // visible in full screen only; the page has the same
    place.setAttribute("aria-label", data.alt)
    place.latest = { figure, config: { ...data.config, ...OWN }, source: data.source }
    draw(place)
  }
  return () => {
    place.watch?.disconnect()
    window.Plotly?.purge(place)
  }
}
