#version 450
#include "ripple.glsl"
layout(location = 0) in vec2 place;
layout(location = 0) out vec4 color;
layout(binding = 0) uniform sampler2D scenery;
layout(push_constant) uniform Frame { mat4 view; float time; } frame;

void main() {
  color = texture(scenery, place + ripple(place, frame.time));
#ifdef TINT
  color.rgb *= vec3(0.7, 0.9, 1.0);
#endif
}
