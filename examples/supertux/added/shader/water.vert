#version 450
layout(location = 0) in vec2 position;
layout(location = 1) in vec2 texcoord;
layout(location = 0) out vec2 place;
layout(push_constant) uniform Frame { mat4 view; float time; } frame;

void main() {
  place = texcoord;
  gl_Position = frame.view * vec4(position, 0.0, 1.0);
}
