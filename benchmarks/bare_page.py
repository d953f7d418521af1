"""The least that Streamlit can show, for app_latency.py to compare with: a slider, and one component, whose drawing the server chooses."""

import streamlit as st

HTML = """
<canvas width="320" height="320"></canvas>
"""
CODE = """
export default function ({ data, parentElement, setStateValue }) {
  const canvas = parentElement.querySelector("canvas");
  const pen = canvas.getContext("2d");
  for (let stripe = 0; stripe < 8; stripe += 1) {
    pen.fillStyle = `hsl(${data.hue + 20 * stripe} 70% 50%)`;
    pen.fillRect(40 * stripe, 0, 40, 320);
  }
  canvas.onclick = () => setStateValue("clicks", data.clicks + 1);
}
"""
canvas = st.components.v2.component("bare", html=HTML, js=CODE)

hue = st.sidebar.slider("Hue", 0, 180, 90)
clicks = (st.session_state.get("bare") or {}).get("clicks", 0)
canvas(key="bare", data={"clicks": clicks, "hue": hue + 70 * clicks}, default={"clicks": 0}, on_clicks_change=lambda: None)
