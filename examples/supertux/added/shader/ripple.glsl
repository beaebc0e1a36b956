// How far a point is moved by waves.
vec2 ripple(vec2 place, float time) {
  return vec2(sin(place.y * 12.0 + time), cos(place.x * 9.0 + time)) * 0.01;
}
