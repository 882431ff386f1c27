// One step of the browser's history per page: what changes on a page replaces its address (reasons: app/ui/address.py).

(() => {
  if (window.convncfAddress) return
  window.convncfAddress = true
  const { history, location } = window
  const push = history.pushState.bind(history)
  const replace = history.replaceState.bind(history)
  const pages = PAGES // title of a page -> the last part of its path; "" for the first page

  const at = () => {
    const last = location.pathname.split("/").pop()
    return Object.values(pages).includes(last) ? last : ""
  }
  // The page of the server's last message. Its title comes before its parameters and is set at once, while the path
  // changes only when the browser has drawn the page: parameters that come in between are the new page's.
  const announced = () => pages[document.title.split(" · ")[0]]

  let early // parameters that came before their page's path
  const to = (url) => new URL(url, location.href)

  function stay(url) {
    const page = announced()
    if (page !== undefined && page !== at()) {
      early = { page, search: to(url).search } // neither on the previous page, nor on the one that Back opened
      return
    }
    early = undefined
    replace(history.state, "", url)
  }

  history.pushState = (state, unused, url) => {
    if (url != null && to(url).pathname === location.pathname) return stay(url)
    push(state, unused, url)
    if (early?.page === at()) replace(state, "", location.pathname + early.search)
    early = undefined
  }
  history.replaceState = (state, unused, url) => {
    if (url != null && to(url).pathname === location.pathname) return stay(url)
    replace(state, unused, url)
  }
})()
